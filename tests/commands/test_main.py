"""The command line of each sub-command: its help, its choices, its mistakes."""

import argparse
import shlex
import subprocess
import sys

import pytest

from mmmask.commands import (
    annotated_images,
    export,
    main,
    prepare_miniature,
    train,
    visualize,
)
from mmmask.datasets.miniatures import LAYOUTS
from mmmask.transfer import formats
from mmmask.transfer.export import TARGETS
from mmmask.transfer.formats import SOURCES
from mmmask.utils.errors import UserError, one_line

HELP = """
import sys
from mmmask.commands.main import COMMANDS, main

for words in ([], *([name] for name in COMMANDS)):
    try:
        main([*words, '--help'])
    except SystemExit as ended:
        assert ended.code == 0, words
heavy = {'torch', 'numpy', 'mmengine', 'mmcv', 'mmpretrain', 'mmdet', 'mmseg'} & set(sys.modules)
assert not heavy, heavy
"""


def test_help_of_each_command_needs_no_torch():
    ran = subprocess.run([sys.executable, '-c', HELP], capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    for name in main.COMMANDS:
        assert f'usage: mmmask {name} ' in ran.stdout


def test_the_module_is_the_command():
    ran = subprocess.run([sys.executable, '-m', 'mmmask', '--version'], capture_output=True)
    assert ran.returncode == 0 and ran.stdout.startswith(b'mmmask 0.')


def test_a_reader_that_has_enough_is_no_mistake():
    """Such as head: no traceback, also not from Python's last flush."""
    code = (
        'from mmmask.commands import inspect, main; inspect.run = lambda args: print("x" * 10**6); '
        'raise SystemExit(main.main(["inspect", "file.pth"]))'
    )
    words = shlex.join([sys.executable, '-c', code])
    command = f'{words} | head -c 1; exit ${{PIPESTATUS[0]}}'
    ran = subprocess.run(['bash', '-c', command], capture_output=True, text=True)
    assert (ran.returncode, ran.stdout, ran.stderr) == (1, 'x', '')


def test_choices_of_the_command_line_are_those_of_the_rooms():
    assert tuple(LAYOUTS) == prepare_miniature.LAYOUTS
    assert (export.SOURCES, export.TARGETS) == (SOURCES, TARGETS)
    assert annotated_images.SOURCES == formats.SOURCES
    assert set(visualize.KINDS) >= {'attention', 'masks', 'gpa', 'reconstruction'}


@pytest.mark.parametrize('words', [[], ['trian'], ['train'], ['train', 'a.py', '--seed', '-1']])
def test_a_misspelt_command_line_has_status_2(words, capsys):
    with pytest.raises(SystemExit) as ended:
        main.main(words)
    assert ended.value.code == 2
    assert capsys.readouterr().err.startswith('usage: mmmask')


@pytest.mark.parametrize('option', ['a', 'a=[1,(2]'])
def test_malformed_options_have_status_2(option, capsys):
    with pytest.raises(SystemExit) as ended:
        main.main(['train', 'a.py', '--cfg-options', option])
    assert ended.value.code == 2
    assert '--cfg-options takes KEY=VALUE' in capsys.readouterr().err


def test_options_given_twice_are_joined(monkeypatch):
    given = []
    monkeypatch.setattr(train, 'run', given.append)
    words = ['train', 'a.py', '--cfg-options', 'a.b=1', 'c=x', '--cfg-options', 'd=[1,2]']
    assert main.main(words) == 0
    assert given[0].cfg_options == {'a.b': 1, 'c': 'x', 'd': [1, 2]}
    assert given[0].command_line == shlex.join(['mmmask', *words])


def test_a_users_mistake_is_one_line(monkeypatch, capsys):
    def fail(args: argparse.Namespace) -> None:
        raise UserError('wrong\n  path')

    monkeypatch.setattr(train, 'run', fail)
    assert main.run_command('train', ['a.py']) == 1
    assert capsys.readouterr().err == 'error: wrong path\n'
    assert main.run_command('train', ['a.py', '--debug']) == 1
    assert 'Traceback' in capsys.readouterr().err


def test_other_errors_keep_their_traceback(monkeypatch):
    def fail(args: argparse.Namespace) -> None:
        raise RuntimeError('ours')

    monkeypatch.setattr(train, 'run', fail)
    with pytest.raises(RuntimeError):
        main.run_command('train', ['a.py'])


def test_one_line():
    assert one_line(UserError('a\n   b')) == 'a b'
    assert one_line(KeyError("no 'x'")) == "no 'x'"
    assert one_line(ValueError()) == 'ValueError'


def test_worker_errors_lose_their_traceback():
    text = (
        'Caught UserError in DataLoader worker process 0.\nOriginal Traceback (most recent call '
        'last):\n  File "x.py", line 1, in f\nmmmask.errors.UserError: broken image a: b.jpg\n'
    )
    assert one_line(UserError(text)) == 'broken image a: b.jpg'
