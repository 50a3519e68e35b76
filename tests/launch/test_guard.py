import argparse

import pytest

from mmmask.launch.guard import run_guarded
from mmmask.utils.errors import UserError, one_line


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


def test_status_and_message(capsys):
    def fail(args):
        raise UserError('wrong')

    assert run_guarded(lambda args: None, argparse.Namespace(debug=False), 0) == 0
    assert run_guarded(fail, argparse.Namespace(debug=False), 0) == 1
    assert capsys.readouterr().err == 'error: wrong\n'


def test_other_errors_keep_their_traceback():
    def fail(args):
        raise RuntimeError('ours')

    with pytest.raises(RuntimeError):
        run_guarded(fail, argparse.Namespace(debug=False), 0)
