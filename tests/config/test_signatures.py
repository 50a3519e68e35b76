import pytest

from mmmask.config.signatures import accepted_keys, find_registered


class Base:
    def __init__(self, a, b=1):
        pass


class Child(Base):
    def __init__(self, c, *, d=2, **kwargs):
        super().__init__(**kwargs)


class Closed(Child):
    def __init__(self, e):
        super().__init__(e)


class Collects:
    def __init__(self, f, **kwargs):
        self.kept = kwargs


def function(g, h=1):
    pass


@pytest.mark.parametrize(
    ('kind', 'names', 'is_open'),
    [
        (Child, {'a', 'b', 'c', 'd'}, False),  # **kwargs end at Base
        (Closed, {'e'}, False),
        (Collects, {'f'}, True),
        (function, {'g', 'h'}, False),
    ],
)
def test_accepted_keys(kind, names, is_open):
    accepted = accepted_keys(kind)
    assert names <= accepted.names
    assert not ({'a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'} - names) & accepted.names
    assert accepted.open is is_open


def test_names_are_found_in_their_scope():
    (ours,) = find_registered('MaskedVisionTransformer', 'mmpretrain')
    assert ours.__module__.startswith('mmmask.')
    assert find_registered('mmpretrain.MaskedVisionTransformer', 'mmdet') == [ours]
    (theirs,) = find_registered('VisionTransformer', 'mmseg')
    assert theirs.__module__.startswith('mmseg.')
    assert find_registered('CheckpointHook', 'mmdet')
    assert find_registered('Nothing', 'mmpretrain') == []
    assert find_registered(None, 'mmpretrain') == []
    assert find_registered(Base, 'mmpretrain') == [Base]
