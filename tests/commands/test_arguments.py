"""Types of command line options: what they take and refuse."""

import argparse

import pytest

from mmmask.commands.arguments import head, number_or_all, positive


def test_what_is_taken():
    assert positive('1') == 1 and positive('12') == 12
    assert head('-1') == -1 and head('3') == 3 and head('sum') == 'sum'
    assert number_or_all('12') == 12 and number_or_all('0') is None


@pytest.mark.parametrize('text', ['0', '-1', '1.5', 'many'])
def test_no_positive_number(text):
    with pytest.raises(argparse.ArgumentTypeError, match=f"a positive number, got '{text}'"):
        positive(text)


def test_no_head():
    with pytest.raises(argparse.ArgumentTypeError, match="a number or 'sum', got 'mean'"):
        head('mean')


def test_no_number():
    with pytest.raises(argparse.ArgumentTypeError, match="a number, 0 for all, got '-1'"):
        number_or_all('-1')
