"""A kept listing is used only while no folder has changed."""

import os
import shutil

import pytest

from mmmask.datasets import listings
from mmmask.datasets.listings import forget, list_files


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    """Keep listings of few files, at once."""
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path / 'cache'))
    monkeypatch.setattr(listings, 'KEPT_FROM', 2)
    monkeypatch.setattr(listings, 'SETTLED', -1e9)
    return tmp_path / 'cache/mmmask/listings'


@pytest.fixture
def walks(monkeypatch):
    """The folders that were gone through."""
    walks = []
    walk = listings.visible_entries
    monkeypatch.setattr(
        listings, 'visible_entries', lambda folder: walks.append(folder) or walk(folder)
    )
    return walks


@pytest.fixture
def root(tmp_path):
    root = tmp_path / 'data'
    for name in ('b/1.png', 'a-b/x\udcff.png', 'a/deep/1.png', '.hidden/x.png'):
        (root / name).parent.mkdir(parents=True)
        (root / name).write_bytes(b'x')
    (root / 'empty').mkdir()
    return root


NAMES = ['a-b/', 'a-b/x\udcff.png', 'a/', 'a/deep/', 'a/deep/1.png', 'b/', 'b/1.png', 'empty/']


def test_a_second_listing_goes_through_no_folder(root, walks, cache):
    assert list_files(str(root)) == list_files(f'{root}/') == NAMES
    assert len(walks) == 1 and len(list(cache.iterdir())) == 1
    forget()
    assert list_files(str(root)) == NAMES and len(walks) == 2


@pytest.mark.parametrize(
    'change',
    [
        lambda root: (root / 'a/deep/2.png').write_bytes(b'x'),
        lambda root: (root / 'a/deep/1.png').unlink(),
        lambda root: (root / 'b/1.png').rename(root / 'b/2.png'),
        lambda root: (root / 'empty').rmdir(),
        lambda root: (root / 'c').mkdir(),
        lambda root: shutil.rmtree(root / 'a-b'),
    ],
)
@pytest.mark.parametrize('hidden', [False, True])
def test_a_change_shows(root, walks, change, hidden):
    """Also where the folders' times of change are set back."""
    list_files(str(root))
    times = {path: path.stat().st_mtime_ns for path in root.rglob('*') if path.is_dir()}
    change(root)
    for path, time in times.items():
        if hidden and path.exists():
            os.utime(path, ns=(time, time))
    found = [path for path in root.rglob('*') if '.hidden' not in path.parts]
    expected = sorted(f'{path.relative_to(root)}{"/" * path.is_dir()}' for path in found)
    assert list_files(str(root)) == expected != NAMES and len(walks) == 2


def test_a_folder_behind_a_link_is_looked_at(root, tmp_path):
    shutil.move(root / 'b', tmp_path / 'far')
    (root / 'b').symlink_to(tmp_path / 'far')
    assert list_files(str(root)) == NAMES
    (tmp_path / 'far/2.png').write_bytes(b'x')
    assert list_files(str(root)) == [*NAMES[:-1], 'b/2.png', 'empty/']


def test_what_may_change_without_a_sign_is_not_kept(root, walks, cache, tmp_path, monkeypatch):
    (root / 'b/2.png').symlink_to(tmp_path / 'later.png')
    assert list_files(str(root)) == NAMES and not cache.exists()
    (tmp_path / 'later.png').write_bytes(b'x')
    assert list_files(str(root)) == [*NAMES[:-1], 'b/2.png', 'empty/']
    assert len(walks) == 2


def test_few_files_and_fresh_folders_are_listed_each_time(root, cache, monkeypatch):
    monkeypatch.setattr(listings, 'KEPT_FROM', 4)
    list_files(str(root))
    monkeypatch.setattr(listings, 'KEPT_FROM', 3)
    monkeypatch.setattr(listings, 'SETTLED', 60e9)
    list_files(str(root))
    assert not cache.exists()


def test_a_damaged_listing_is_made_anew(root, walks, cache):
    list_files(str(root))
    (kept,) = cache.iterdir()
    content = bytearray(kept.read_bytes())
    for damaged in (b'', content[:-40], bytes(len(content)), content[:200] + b'?' + content[201:]):
        kept.write_bytes(damaged)
        assert list_files(str(root)) == NAMES
    assert len(walks) == 5
