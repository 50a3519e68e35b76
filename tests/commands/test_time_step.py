"""The command: its table, its file and its errors."""

import json
from functools import partial
from pathlib import Path

import pytest
import torch

from mmmask.commands.main import run_command
from mmmask.commands.time_step import table

main = partial(run_command, 'time-step')

DEMO = Path(__file__).resolve().parents[2] / 'configs/demo'
ATTMASK = str(DEMO / 'attmask-high-ibot_vit-demo_material-scenes.py')
RANDOM = str(DEMO / 'random-ibot_vit-demo_material-scenes.py')
QUICK = ['--steps', '3', '--warmup', '1', '--batch-size', '2', '--device', 'cpu', '--no-memory']


def test_two_configs(tmp_path, capsys):
    out = tmp_path / 'step.json'
    options = ['--flops', '--json', str(out), '--cfg-options', 'model.masker.prob=1.0']
    assert main([ATTMASK, '--versus', RANDOM, *QUICK, *options]) == 0
    report = json.loads(out.read_text())
    assert (report['device'], report['batch_size']) == ('cpu', 2)
    assert report['cfg_options'] == {'model.masker.prob': 1.0}
    first, second = report['results']
    assert (first['config'], second['config']) == (ATTMASK, RANDOM)
    assert len(first['seconds']) == len(second['seconds']) == 3
    assert first['median'] == sorted(first['seconds'])[1]
    assert first['parameters'] == second['parameters']
    # The same numbers of tokens are masked; only the scores' product is AttMask's own: one query
    # by 17 keys in each of two views.
    more = first['flops_per_image']['forward'] - second['flops_per_image']['forward']
    assert more == 2 * 2 * 17 * 64
    ratio = report['ratios']['of_medians']
    assert ratio['ratio'] == pytest.approx(first['median'] / second['median'])
    assert ratio['low'] <= ratio['ratio'] <= ratio['high']
    console = capsys.readouterr()
    assert f'A: {ATTMASK}\nB: {RANDOM}' in console.out
    assert 'time per step, A / B, of medians: ' in console.out
    assert 'initialized' not in console.out.lower()  # mmengine's lines are kept quiet


def test_one_config(capsys):
    assert main([ATTMASK, *QUICK]) == 0
    console = capsys.readouterr().out
    assert 'seconds per step, median' in console
    assert 'A / B' not in console and 'memory' not in console and 'FLOPs' not in console


def test_the_table():
    result = dict(
        config='x.py',
        seconds=[1.0, 2.0],
        median=1.5,
        quartiles=[1.25, 1.75],
        images_per_s=2.0,
        parameters=dict(all=3_000_000, trained=1_500_000),
        peak_memory=3 * 2**20,
        flops_per_image=dict(forward=1e9, step=3e9),
    )
    other = dict(result, peak_memory=None, flops_per_image=dict(forward=2e9, step=3e9))
    ratios = dict(of_medians=dict(ratio=1.0, low=0.9, high=1.1))
    text = table(
        dict(
            device='cpu',
            threads=1,
            torch='2',
            batch_size=3,
            results=[result, other],
            ratios=ratios,
        )
    )
    assert text.splitlines()[0] == 'cpu, 1 thread(s), torch 2, batch 3, 2 steps each'
    cells = [line.split() for line in text.splitlines()]
    assert ['images', 'per', 'second', '2', '2'] in cells
    assert any(row[-6:] == ['1.50', '/', '3.00', '1.50', '/', '3.00'] for row in cells)
    assert any(row[-2:] == ['3', 'unknown'] for row in cells)
    assert any(row[-7:] == ['1', '2', 'A', '/', 'B', '=', '0.500'] for row in cells)
    assert text.splitlines()[-1].endswith('1.0000 (95 % interval 0.9000 to 1.1000)')


@pytest.mark.parametrize(
    'options, message',
    [
        (['--versus', 'nothing.py'], "no config 'nothing.py'"),
        (['--cfg-options', 'model.maskr=1'], "Did you mean 'masker'"),
    ],
)
def test_mistakes_are_one_line(options, message, capsys):
    assert main([ATTMASK, *QUICK, *options]) == 1
    console = capsys.readouterr().err
    assert message in console and 'Traceback' not in console
    assert len([line for line in console.splitlines() if line.startswith('error')]) == 1


def test_different_batches(capsys):
    paper = str(DEMO.parent / 'dino/dino_vit-small-p16_8xb30-coslr-100e_in1k.py')
    quick = ['--steps', '1', '--device', 'cpu', '--no-memory']
    assert main([ATTMASK, '--versus', paper, *quick]) == 1
    assert 'different batches (64 and 30): give --batch-size' in capsys.readouterr().err


@pytest.mark.skipif(torch.cuda.is_available(), reason='there is a GPU')
def test_no_gpu(capsys):
    assert main([ATTMASK, *QUICK, '--device', 'cuda']) == 1
    assert 'there is no GPU' in capsys.readouterr().err


@pytest.mark.parametrize('option', [['--steps', '0'], ['--batch-size', 'x'], ['--device', 'tpu']])
def test_malformed_options_end_in_a_usage_message(option, capsys):
    with pytest.raises(SystemExit) as caught:
        main([ATTMASK, *option])
    assert caught.value.code == 2 and option[0] in capsys.readouterr().err
