from mmmask.utils.text import aligned, in_words, plural


def test_in_words():
    assert [in_words(s) for s in (7.2, 99, 100, 360, 7500)] == [
        '7 s',
        '99 s',
        '2 min',
        '6 min',
        '2 h 05 min',
    ]


def test_plural():
    assert (plural('image'), plural('query')) == ('images', 'queries')


def test_columns_are_as_wide_as_their_longest_cell():
    assert aligned([('a', 'to do', 'b'), ('long', 'x', '')]) == 'a     to do  b\nlong  x'
