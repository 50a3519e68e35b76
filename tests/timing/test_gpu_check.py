"""Checks of a device are made on the CPU, apart from each other; a failing one stops no other."""

import json
import time

import pytest
import torch

from mmmask.commands.main import main
from mmmask.timing import gpu_check
from mmmask.timing.gpu_check import Outcome, Setting, peak_of, run_apart, run_check, table
from mmmask.utils.errors import UserError

CPU = Setting(device='cpu', tiny=True, batch_size=2, steps=1)


@pytest.mark.parametrize(
    'name', ['device', 'bf16', 'fused AdamW', 'operators', 'detector', 'segmenter', 'ViT-S']
)
def test_checks_pass_on_a_cpu(name):
    outcome = run_check(name, CPU)
    assert outcome.state == 'pass', outcome.text


@pytest.mark.slow
@pytest.mark.parametrize('name', ['processes', 'compile'])
def test_checks_that_take_longer_pass_on_a_cpu(name):
    outcome = run_check(name, CPU)
    assert outcome.state == 'pass', outcome.text


def test_a_batch_is_halved_until_it_fits(monkeypatch):
    """A step turns all errors of its set-up into a user's, that of the memory among them."""

    class Step(gpu_check.Step):
        def __init__(self, *args, batch_size, **kwargs):
            if batch_size > 2:
                raise UserError('too large') from torch.OutOfMemoryError()
            super().__init__(*args, batch_size=batch_size, **kwargs)

    monkeypatch.setattr(gpu_check, 'Step', Step)
    monkeypatch.setattr(torch.cuda, 'reset_peak_memory_stats', lambda: None)
    setting = Setting('cpu', tiny=True, batch_size=8, steps=1)
    assert ' at batch 2, ' in run_check('ViT-S', setting).text


def test_what_a_cpu_has_not_is_skipped():
    outcome = run_check('fp16', CPU)
    assert (outcome.state, outcome.text) == ('skip', 'fp16 needs a GPU')


def test_an_error_is_an_outcome(monkeypatch):
    def check(setting):
        raise RuntimeError('no kernel image\nis available')

    monkeypatch.setitem(gpu_check.CHECKS, 'device', check)
    outcome = run_check('device', CPU)
    assert outcome.state == 'fail' and outcome.text.startswith('RuntimeError: no kernel image')


def test_a_check_that_hangs_is_ended():
    start = time.monotonic()
    outcome = run_apart('device', CPU, time_limit=0.1)
    assert (outcome.state, outcome.text) == ('fail', 'no result after 0 s')
    assert time.monotonic() - start < 60


@pytest.mark.parametrize(
    ('card', 'peak'),
    [
        ('NVIDIA H100 80GB HBM3', 989),
        ('NVIDIA H100 PCIe', 756),
        ('NVIDIA A100-SXM4-80GB', 312),
        ('NVIDIA GeForce RTX 4090', 165),
        ('NVIDIA A10', 125),
        ('a card of tomorrow', None),
    ],
)
def test_a_cards_peak_is_found_by_its_name(card, peak):
    assert peak_of(card) == peak


def test_the_table_has_a_line_for_each_check():
    lines = table([Outcome('bf16', 'pass', 'loss 1', 0.25), Outcome('compile', 'fail', 'no')])
    assert lines.splitlines() == ['bf16     pass     0.2 s  loss 1', 'compile  fail     0.0 s  no']


def test_the_command_writes_its_table_and_fails_with_a_check(tmp_path, monkeypatch, capsys):
    outcomes = dict(device=Outcome('device', 'fail', 'broken'), bf16=Outcome('bf16', 'pass', ''))
    monkeypatch.setattr(gpu_check, 'run_apart', lambda name, setting: outcomes[name])
    args = ['gpu-check', '--device', 'cpu', '--only', 'device', 'bf16', '--work-dir', str(tmp_path)]
    assert main(args) == 1
    written = json.loads((tmp_path / 'result.json').read_text())
    assert [check['state'] for check in written] == ['fail', 'pass']
    assert (tmp_path / 'table.txt').read_text().strip() in capsys.readouterr().out


def test_without_a_gpu_one_line_says_what_to_do(capfd):
    assert main(['gpu-check']) == 1
    assert 'there is no GPU: --device cpu --tiny' in capfd.readouterr().err
