"""Only what is wrong is written again, and nothing that isn't ours is touched."""

import json

import pytest

from mmmask.datasets.store import MANIFEST, refresh
from mmmask.utils.errors import UserError


class Maker:
    """Contents are the name in capitals; keeps the names it was asked for."""

    def __init__(self, fail_at=None):
        self.made, self.fail_at = [], fail_at

    def __call__(self, name):
        if name == self.fail_at:
            raise KeyboardInterrupt
        self.made.append(name)
        return name.upper().encode()


NAMES = ['a/1.txt', 'a/2.txt', 'b.txt']


@pytest.fixture
def tree(tmp_path):
    root = tmp_path / 'tree'
    assert refresh(root, {'v': 1}, NAMES, Maker()) == NAMES
    return root


def files(root):
    return sorted(p.relative_to(root).as_posix() for p in root.rglob('*') if p.is_file())


def test_contents_and_manifest(tree):
    assert files(tree) == [*NAMES, MANIFEST]
    assert (tree / 'a/2.txt').read_text() == 'A/2.TXT'
    manifest = json.loads((tree / MANIFEST).read_text())
    assert manifest['recipe'] == {'v': 1} and sorted(manifest['files']) == NAMES
    # sha256 of b'B.TXT', by coreutils' sha256sum
    assert manifest['files']['b.txt'] == [5, SHA_OF_B]


SHA_OF_B = '3346ce2563ca6ce0edf376e330490d45fc6fb13984b2875293f57ab98bc5b057'


def test_a_second_run_writes_nothing(tree):
    before = {name: (tree / name).stat().st_mtime_ns for name in files(tree)}
    maker = Maker()
    assert refresh(tree, {'v': 1}, NAMES, maker) == [] and maker.made == []
    assert {name: (tree / name).stat().st_mtime_ns for name in files(tree)} == before


@pytest.mark.parametrize('damage', ['missing', 'shorter', 'same size'])
def test_only_the_damaged_file_is_made_again(tree, damage):
    path = tree / 'a/2.txt'
    if damage == 'missing':
        path.unlink()
    else:
        path.write_text('A' if damage == 'shorter' else 'A/2.TXt')
    maker = Maker()
    assert refresh(tree, {'v': 1}, NAMES, maker) == ['a/2.txt'] == maker.made
    assert path.read_text() == 'A/2.TXT'
    assert refresh(tree, {'v': 1}, NAMES, Maker()) == []


def test_another_recipe_makes_everything_again(tree):
    assert refresh(tree, {'v': 2}, NAMES, Maker()) == NAMES


def test_fewer_and_more_files(tree):
    assert refresh(tree, {'v': 1}, NAMES[:2], Maker()) == ['b.txt']
    assert files(tree) == [*NAMES[:2], MANIFEST]
    assert refresh(tree, {'v': 1}, [*NAMES, 'c.txt'], Maker()) == ['b.txt', 'c.txt']


def test_strange_files_stop_the_run_and_stay(tree):
    (tree / 'mine.txt').write_text('precious')
    with pytest.raises(UserError, match=r'1 files that this tool did not write \(such as mine.txt'):
        refresh(tree, {'v': 2}, NAMES, Maker())
    assert (tree / 'mine.txt').read_text() == 'precious'
    assert (tree / 'b.txt').read_text() == 'B.TXT'


def test_an_interrupted_run_is_completed_by_the_next(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        refresh(tmp_path, {'v': 1}, NAMES, Maker(fail_at='b.txt'))
    (tmp_path / 'a/.2.txt.1.tmp').write_text('half')  # as a killed write leaves it
    assert refresh(tmp_path, {'v': 1}, NAMES, Maker()) == NAMES
    assert refresh(tmp_path, {'v': 1}, NAMES, Maker()) == []


def test_an_interrupted_change_is_completed_by_the_next(tree):
    with pytest.raises(KeyboardInterrupt):
        refresh(tree, {'v': 2}, ['a/1.txt', 'c.txt'], Maker(fail_at='c.txt'))
    assert sorted(refresh(tree, {'v': 2}, ['a/1.txt', 'c.txt'], Maker())) == ['a/1.txt', 'c.txt']
    assert files(tree) == ['a/1.txt', 'c.txt', MANIFEST]


def test_ticks_say_what_was_written(tree):
    (tree / 'b.txt').unlink()
    ticks = []
    refresh(tree, {'v': 1}, NAMES, Maker(), ticks.append)
    assert ticks == [False, False, True]
