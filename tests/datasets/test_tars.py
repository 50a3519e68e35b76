"""Images in tars are those of the folder that was packed: the same, in the same order."""

import gzip
import os
import pickle
import shutil
import subprocess
import tarfile
import types

import numpy as np
import pytest
from PIL import Image
from torch.utils.data import DataLoader

from mmmask.datasets import image_folder, listings
from mmmask.datasets.image_folder import StrictImageFolder
from mmmask.datasets.load_image import BrokenImageError
from mmmask.datasets.tars import is_file, open_tar, read_file
from mmmask.datasets.trees import open_tree
from mmmask.utils.errors import UserError

LOAD = [dict(type='LoadImageFromFile')]
NAMES = ('a/10.png', 'a/9.jpg', 'a/deep/1.png', 'a-b/0.JPEG', 'a-b/1.png', 'c/0.png', 'c/1.png')


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path / 'cache'))
    return tmp_path / 'cache'


@pytest.fixture
def root(tmp_path):
    """``train`` with seven noisy images of three classes, and a file that is none."""
    rng = np.random.default_rng(0)
    root = tmp_path / 'data'
    for name in NAMES:
        path = root / 'train' / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 256, (6, 8, 3), np.uint8)).save(path)
    (root / 'train/c/notes.txt').write_text('none')
    return root


def tar(*arguments, cwd):
    subprocess.run(['tar', *map(str, arguments)], cwd=cwd, check=True)


def pack(root, layout):
    """Pack ``train`` and delete it; return the data set's prefix."""
    train = root / 'train'
    prefix = 'train'
    if layout == 'top folder':
        tar('cf', 'train.tar', 'train', cwd=root)
    elif layout == 'dot':
        tar('cf', 'train.tar', '-C', 'train', '.', cwd=root)
        prefix = 'train.tar'
    elif layout == 'inside':
        tar('cf', 'all.tar', 'train', cwd=root)
        prefix = 'all.tar/train'
    elif layout == 'pax':
        with tarfile.open(root / 'train.tar', 'w', format=tarfile.PAX_FORMAT) as file:
            for name in ('c/notes.txt', *NAMES[::-1]):
                file.add(train / name, name, filter=with_header)
    elif layout == 'classes':
        (root / 'new').mkdir()
        for folder in ('a', 'a-b', 'c'):
            # As ImageNet's: no folders. One of three has a folder of the same name in it.
            files = [folder] if folder == 'c' else ['-C', folder, *os.listdir(train / folder)]
            tar('cf', root / f'new/{folder}.tar', *files, cwd=train)
    elif layout == 'tar of tars':
        for folder in ('a', 'a-b', 'c'):
            files = os.listdir(train / folder)
            tar('cf', root / f'{folder}.tar', '-C', folder, *files, cwd=train)
        tar('cf', 'train.tar', 'c.tar', 'a.tar', 'a-b.tar', cwd=root)
    elif layout == 'shards':
        (root / 'new').mkdir()
        tar('cf', root / 'new/1.tar', 'c/0.png', 'a', cwd=train)
        tar('cf', root / 'new/0.tar', 'c/1.png', 'c/notes.txt', 'a-b', cwd=train)
    shutil.rmtree(train)
    if (root / 'new').exists():
        (root / 'new').rename(train)
    return prefix


def with_header(member):
    member.pax_headers = dict(comment='a header of its own')
    return member


def samples(dataset, **kwargs):
    loader = DataLoader(dataset, batch_size=None, **kwargs)
    return [(sample['img'], sample.get('gt_label')) for sample in loader]


def same(ours, theirs):
    pairs = zip(ours, theirs, strict=True)
    return all(np.array_equal(a, b) and label == other for (a, label), (b, other) in pairs)


LAYOUTS = ['top folder', 'dot', 'inside', 'pax', 'classes', 'tar of tars', 'shards']


@pytest.mark.parametrize('layout', LAYOUTS)
def test_a_tar_gives_what_its_folder_gave(root, layout):
    if layout == 'classes':  # one with images in folders and beside them would be refused
        (root / 'train/a/deep/1.png').rename(root / 'train/a/x.png')
    reference = StrictImageFolder(str(root), data_prefix='train', pipeline=LOAD)
    unlabelled = StrictImageFolder(str(root), data_prefix='train', with_label=False, pipeline=LOAD)
    expected, plain = samples(reference), samples(unlabelled)
    assert [label for _, label in expected] == [0, 0, 0, 1, 1, 2, 2]
    prefix = pack(root, layout)
    dataset = StrictImageFolder(str(root), data_prefix=prefix, pipeline=LOAD)
    assert dataset.metainfo['classes'] == ('a', 'a-b', 'c')
    assert dataset.left_out == reference.left_out
    assert same(samples(dataset), expected)
    unlabelled = StrictImageFolder(str(root), data_prefix=prefix, with_label=False, pipeline=LOAD)
    assert same(samples(unlabelled), plain)


def test_workers_read_at_random_and_by_a_copy(root):
    expected = samples(StrictImageFolder(str(root), data_prefix='train', pipeline=LOAD))
    pack(root, 'top folder')
    dataset = StrictImageFolder(str(root), data_prefix='train', pipeline=LOAD)
    assert same(samples(dataset, num_workers=2), expected)
    order = [6, 0, 3, 3, 1]
    later = samples(dataset, num_workers=2, sampler=order)
    assert same(later, [expected[index] for index in order])
    # A resumed run: another process, the rest of an epoch.
    copy = pickle.loads(pickle.dumps(dataset))
    again = StrictImageFolder(str(root), data_prefix='train', pipeline=LOAD)
    assert same(samples(copy, sampler=order[2:]), later[2:])
    assert same(samples(again, num_workers=2, sampler=order[2:]), later[2:])


def test_a_list_of_images_and_the_first_of_each_class(root):
    (root / 'list.txt').write_text('c/1.png 5\na/9.jpg 2\nc/0.png 5\n')
    lists = dict(data_prefix='train', ann_file='list.txt', pipeline=LOAD)
    first = dict(data_prefix='train', max_per_class=1, pipeline=LOAD)
    expected = [
        samples(StrictImageFolder(str(root), **options))
        for options in (lists, first, dict(first, with_label=False))
    ]
    assert [len(found) for found in expected] == [3, 3, 3]
    for layout in ('shards', 'top folder'):
        if layout == 'top folder':  # from the shards
            for shard in ('0', '1'):
                tar('xf', f'{shard}.tar', cwd=root / 'train')
                (root / 'train' / f'{shard}.tar').unlink()
        pack(root, layout)
        for options, found in zip((lists, first, dict(first, with_label=False)), expected):
            assert same(samples(StrictImageFolder(str(root), **options)), found)


def test_broken_images_in_a_tar(root):
    path = root / 'train/a/9.jpg'
    path.write_bytes(path.read_bytes()[:-30])
    pack(root, 'dot')
    options = dict(data_prefix='train', pipeline=LOAD)
    broken = str(root / 'train.tar/a/9.jpg')
    with pytest.raises(BrokenImageError, match=f'broken image {broken} .*truncated'):
        StrictImageFolder(str(root), **options)[1]
    with pytest.raises(UserError, match='1 of 7 images are broken'):
        StrictImageFolder(str(root), verify=True, **options)
    dataset = StrictImageFolder(str(root), skip_broken=True, cache=True, **options)
    found = samples(dataset)
    assert np.array_equal(found[1][0], found[2][0]) and list(dataset.broken) == [broken]
    (root / 'list.txt').write_text('a/lost.png 0')
    with pytest.raises(BrokenImageError, match=r'lost\.png .*does not hold it'):
        StrictImageFolder(str(root), ann_file='list.txt', **options)[0]


def test_the_index_is_made_once_and_again_for_another_tar(root, cache, monkeypatch):
    pack(root, 'dot')
    path = root / 'train.tar'
    names = open_tar(str(path)).names
    content = read_file(f'{path}/c/0.png')
    other = root / 'moved'
    other.symlink_to(root)  # another path, the same file: as a new process would

    def refuse(*args, **kwargs):
        raise AssertionError('listed again')

    with monkeypatch.context() as patch:
        patch.setattr(tarfile, 'TarFile', refuse)
        assert open_tar(str(other / 'train.tar')).names == names
        with pytest.raises(AssertionError):
            os.utime(path, (1, 1))
            open_tar(str(path))
    (root / 'more').mkdir()
    (root / 'more/x.png').write_bytes(content)
    tar('rf', 'train.tar', 'more/x.png', cwd=root)
    assert 'more/x.png' in open_tar(str(path)).names
    assert read_file(f'{path}/more/x.png') == content
    for kept in (cache / 'mmmask/listings').iterdir():
        kept.write_bytes(kept.read_bytes()[:-100])
    (root / 'again').symlink_to(root)
    assert 'more/x.png' in open_tar(str(root / 'again/train.tar')).names


def test_another_tar_of_the_same_size_and_time_never_gives_another_image(root):
    for name in NAMES:
        (root / 'train' / name).write_bytes(b'%-512s' % name.encode())
    tar('cf', 'train.tar', '--no-recursion', *(f'train/{name}' for name in NAMES), cwd=root)
    path = root / 'train.tar'
    state = path.stat()
    open_tar(str(path))
    tar('cf', 'train.tar', '--no-recursion', *(f'train/{n}' for n in NAMES[::-1]), cwd=root)
    os.utime(path, ns=(state.st_atime_ns, state.st_mtime_ns))
    assert path.stat().st_size == state.st_size
    assert read_file(f'{path}/a-b/0.JPEG').startswith(b'a-b/0.JPEG ')  # the one in the middle
    for name in ('a/10.png', 'c/1.png'):
        with pytest.raises(UserError, match='train.tar has changed since it was listed'):
            read_file(f'{path}/{name}')


def test_no_place_for_the_index(root, monkeypatch):
    pack(root, 'dot')
    before = sorted(root.rglob('*'))
    (root.parent / 'file').write_text('')
    monkeypatch.setenv('XDG_CACHE_HOME', str(root.parent / 'file/below'))
    lines = []
    logger = types.SimpleNamespace(info=str, warning=lines.append)
    monkeypatch.setattr(listings.MMLogger, 'get_current_instance', lambda: logger)
    dataset = StrictImageFolder(str(root), data_prefix='train', pipeline=LOAD)
    assert len(samples(dataset, num_workers=1)) == 7
    assert len(lines) == 1 and 'train.tar is not kept' in lines[0] and '\n' not in lines[0]
    assert sorted(root.rglob('*')) == before


@pytest.mark.parametrize('form', [tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_long_names_and_hard_links(tmp_path, form):
    long = f'{"folder/" * 20}{"ü" * 90}.png'
    (tmp_path / 'x.png').write_bytes(b'x' * 600)
    os.link(tmp_path / 'x.png', tmp_path / 'y.png')
    with tarfile.open(tmp_path / 't.tar', 'w', format=form) as file:
        file.add(tmp_path / 'x.png', long)
        file.add(tmp_path / 'y.png', 'b/y.png')
        file.add(tmp_path / 'x.png', '.hidden/z.png')
        file.add(tmp_path / 'x.png', 'b/._y.png')
    tree = open_tree(tmp_path / 't.tar')
    assert tree.names == ['b/y.png', long]
    assert read_file(tree.path(long)) == read_file(tree.path('b/y.png')) == b'x' * 600
    assert is_file(tree.path(long)) and not is_file(tree.path('b/x.png'))
    assert not is_file(tree.path('b'))


def link(root):
    (root / 'train/c/2.png').symlink_to('../a/10.png')


def hole(root):
    with open(root / 'train/c/2.png', 'wb') as file:
        file.truncate(1 << 20)


@pytest.mark.parametrize(
    'prepare, options, message',
    [
        (link, (), r'train\.tar holds c/2\.png as a link to \.\./a/10\.png: .* tar chf'),
        (hole, ('-S',), r'train\.tar holds c/2\.png with holes: .*without --sparse'),
    ],
)
def test_links_and_holes_are_refused(root, prepare, options, message):
    prepare(root)
    tar('cf', 'train.tar', *options, '-C', 'train', '.', cwd=root)
    with pytest.raises(UserError, match=message):
        open_tar(str(root / 'train.tar'))


def test_a_tar_that_is_cut_off_damaged_or_joined_is_one_line(root):
    pack(root, 'dot')
    path = root / 'train.tar'
    whole = path.read_bytes()
    with tarfile.open(path) as file:
        members = [member for member in file if member.isreg()]
    end = members[-1].offset_data + (members[-1].size + 511) // 512 * 512
    for length in (members[-1].offset_data + 10, members[3].offset + 100, members[5].offset, end):
        path.write_bytes(whole[:length])
        with pytest.raises(UserError, match=r'train\.tar is cut off or damaged after') as info:
            open_tar(str(path))
        assert '\n' not in str(info.value)
    start = members[4].offset
    path.write_bytes(whole[:start] + b'?' * 512 + whole[start + 512 :])
    with pytest.raises(UserError, match='is cut off or damaged after'):
        open_tar(str(path))
    path.write_bytes(whole + whole)
    with pytest.raises(UserError, match='goes on behind its end mark'):
        open_tar(str(path))
    for content in (b'', b'no tar at all' * 100):
        path.write_bytes(content)
        with pytest.raises(UserError, match=r'train\.tar is no tar'):
            open_tar(str(path))


def test_a_compressed_tar_is_refused_with_what_to_do(root):
    pack(root, 'dot')
    path = root / 'train.tar'
    packed = gzip.compress(path.read_bytes())
    path.write_bytes(packed)
    message = 'is compressed, so no single image .*: unpack it once .*gzip -dc'
    with pytest.raises(UserError, match=f'train.tar {message}'):
        StrictImageFolder(str(root), data_prefix='train')
    path.rename(root / 'train.tar.gz')
    for prefix in ('train', 'train.tar.gz'):
        with pytest.raises(UserError, match=f'train.tar.gz {message}'):
            StrictImageFolder(str(root), data_prefix=prefix)
    (root / 'train').mkdir()
    (root / 'train/a.tgz').write_bytes(packed)
    with pytest.raises(UserError, match=f'train/a.tgz {message}'):
        StrictImageFolder(str(root), data_prefix='train')


def test_tars_beside_folders_or_images_are_other_files(root):
    (root / 'train/backup.tar').write_bytes(b'')
    (root / 'train/c/backup.tar').write_bytes(b'')
    dataset = StrictImageFolder(str(root), data_prefix='train', pipeline=LOAD)
    assert len(dataset) == 7 and dataset.left_out == {'.txt': 1, '.tar': 1}


def test_tars_that_do_not_fit_together(root):
    pack(root, 'shards')
    shutil.copy(root / 'train/0.tar', root / 'train/2.tar')
    message = r'two tars of .*train hold a-b/0\.JPEG: 0.tar/.* and 2.tar'
    with pytest.raises(UserError, match=message):
        StrictImageFolder(str(root), data_prefix='train')
    (root / 'train/2.tar').unlink()
    with tarfile.open(root / 'train/0.tar', 'a') as file:
        file.add(root / 'train/1.tar', 'x.png')
    message = r'0\.tar holds images at its top \(x\.png\) and in folders'
    with pytest.raises(UserError, match=message):
        StrictImageFolder(str(root), data_prefix='train')


def test_an_empty_class_in_tars(root):
    (root / 'train/a/deep/1.png').unlink()
    pack(root, 'classes')
    with tarfile.open(root / 'train/b.tar', 'w'):
        pass
    with pytest.raises(UserError, match='no images in 1 class folders of .*train, first: b'):
        StrictImageFolder(str(root), data_prefix='train')


def test_what_is_said_of_a_tar(root, monkeypatch):
    pack(root, 'dot')
    lines = []
    logger = types.SimpleNamespace(info=lines.append)
    monkeypatch.setattr(image_folder.MMLogger, 'get_current_instance', lambda: logger)
    StrictImageFolder(str(root), data_prefix='train')
    assert lines[-1] == (
        f'{root}/train.tar: 7 images; 1 files of other endings are left out (1 .txt)'
    )
    for prefix in ('train.tar/lost', 'train.tar/lost/x', 'train/lost'):
        with pytest.raises(UserError, match='folder of images does not exist: .*lost'):
            StrictImageFolder(str(root), data_prefix=prefix)
    with pytest.raises(UserError, match=r'train\.tar/c has no sub-folders'):
        StrictImageFolder(str(root), data_prefix='train.tar/c')
