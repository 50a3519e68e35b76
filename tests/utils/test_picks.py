"""Some of many, evenly spread."""

from mmmask.utils.picks import evenly_spread


def test_both_ends_and_what_is_between():
    assert evenly_spread('abcdefg', 3) == ['a', 'd', 'g']
    assert evenly_spread(range(5), 2) == [0, 4]
    assert evenly_spread(range(9), 1) == [0]


def test_all_where_there_are_no_more():
    assert evenly_spread(range(4), 4) == evenly_spread(range(4), 9) == [0, 1, 2, 3]
