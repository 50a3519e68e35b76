"""``mmmask prepare-demo`` in this process: what it writes, and its mistakes."""

import json

import pytest

from mmmask.commands.main import run_command
from mmmask.datasets.store import MANIFEST


def _main(*args):
    return run_command('prepare-demo', [str(arg) for arg in args])


def test_it_writes_once_and_closes_with_one_line(tmp_path, capsys):
    args = ('--out', tmp_path / 'd', '--trees', 'cls', '--cls-train', 1, '--cls-val', 1)
    assert _main(*args, '--zoom', 0.5, 0.9) == 0
    assert 'cls 24 files (24 written), seed 0' in capsys.readouterr().out
    manifest = json.loads((tmp_path / 'd/cls' / MANIFEST).read_text())
    assert manifest['recipe']['spec']['zoom'] == [0.5, 0.9]
    assert _main(*args, '--zoom', 0.5, 0.9) == 0
    out = capsys.readouterr().out
    assert 'cls 24 files (0 written)' in out and out.count('\n') == 1


@pytest.mark.parametrize(
    'args, message',
    [
        (('--cls-train', 0), 'cls_train must lie in'),
        (('--seed', -1), '--seed must not be negative'),
        (('--zoom', 2, 1), 'zoom must be (low, high)'),
    ],
)
def test_it_refuses_nonsense_in_one_line(tmp_path, capsys, args, message):
    assert _main('--out', tmp_path / 'd', *args) == 1
    error = capsys.readouterr().err
    assert error.startswith('error: ') and message in error and error.count('\n') == 1
    assert not (tmp_path / 'd').exists()


def test_it_writes_below_the_current_folder_by_default(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert _main('--trees', 'cls', '--cls-train', 1, '--cls-val', 1, '--cls-size', 16) == 0
    assert len(list((tmp_path / 'data/material_scenes/cls').rglob('*.jpg'))) == 24


def test_it_makes_miniatures_too(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    args = ('--trees', 'cls', '--cls-train', 1, '--cls-val', 1, '--cls-size', 16)
    assert _main(*args, '--miniatures', 'sop', 'davis2017') == 0
    assert 'data/miniature/davis2017: a miniature of davis2017' in capsys.readouterr().out
    assert (tmp_path / 'data/miniature/sop/Ebay_test.txt').is_file()
