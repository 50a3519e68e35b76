"""Tests the evenly spaced choice of items."""

from mmmask.utils.picks import pick_evenly


def test_both_ends_and_what_is_between():
    assert pick_evenly('abcdefg', 3) == ['a', 'd', 'g']
    assert pick_evenly(range(5), 2) == [0, 4]
    assert pick_evenly(range(9), 1) == [0]


def test_all_where_there_are_no_more():
    assert pick_evenly(range(4), 4) == pick_evenly(range(4), 9) == [0, 1, 2, 3]
