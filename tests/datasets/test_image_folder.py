"""Missing, empty, flat and broken: named, or skipped and counted."""

import pickle
import types

import numpy as np
import pytest
from mmpretrain.registry import DATASETS
from PIL import Image
from torch._utils import ExceptionWrapper

from mmmask.datasets import image_folder, load_image
from mmmask.datasets.image_folder import StrictImageFolder
from mmmask.datasets.load_image import BrokenImageError, LoadImageStrict
from mmmask.utils.errors import UserError

LOAD = [dict(type='LoadImageFromFile')]


def save(path, colour, size=(8, 6)):
    """A plain image; losslessly, whatever its name says."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new('RGB', size, colour).save(path, 'PNG')


def truncate(path):
    path.write_bytes(path.read_bytes()[:-30])


@pytest.fixture
def folder(tmp_path):
    """Classes a and b with two and one images: red, green and blue."""
    save(tmp_path / 'a' / '0.png', (255, 0, 0))
    save(tmp_path / 'a' / '1.png', (0, 255, 0))
    save(tmp_path / 'b' / '0.png', (0, 0, 255))
    return tmp_path


def colours(dataset):
    return [tuple(int(v) for v in dataset[i]['img'][0, 0, ::-1]) for i in range(len(dataset))]


RED, GREEN, BLUE = (255, 0, 0), (0, 255, 0), (0, 0, 255)


def test_labels_come_from_folders(folder):
    dataset = DATASETS.build(
        dict(type='StrictImageFolder', data_root=str(folder), pipeline=LOAD, _scope_='mmpretrain')
    )
    assert dataset.metainfo['classes'] == ('a', 'b')
    assert dataset.get_gt_labels().tolist() == [0, 0, 1]
    assert colours(dataset) == [RED, GREEN, BLUE]


def test_an_inherited_reader_names_its_registry(folder):
    inherited = [dict(type='LoadImageFromFile', _scope_='mmpretrain')]
    assert colours(StrictImageFolder(str(folder), pipeline=inherited)) == [RED, GREEN, BLUE]


def test_a_flat_folder_without_labels(tmp_path):
    save(tmp_path / 'x.jpg', RED)
    save(tmp_path / 'y.JPEG', GREEN)
    (tmp_path / 'notes.txt').write_text('not an image')
    dataset = StrictImageFolder(str(tmp_path), with_label=False, pipeline=LOAD)
    assert colours(dataset) == [RED, GREEN] and 'gt_label' not in dataset[0]


def test_a_list_of_images(folder):
    (folder / 'list.txt').write_text('b/0.png 7\na/1.png 3\n')
    dataset = StrictImageFolder(str(folder), ann_file='list.txt', pipeline=LOAD)
    assert colours(dataset) == [BLUE, GREEN]
    assert dataset.get_gt_labels().tolist() == [7, 3]


@pytest.mark.parametrize(
    'change, kwargs, message',
    [
        (None, dict(data_prefix='lost'), 'folder of images does not exist: .*lost'),
        ('empty', dict(data_prefix='empty'), 'no images in .*it is empty'),
        (None, dict(data_prefix='a'), 'has no sub-folders.*with_label=False'),
        ('empty', {}, 'no images in 1 class folders.*first: empty'),
        (None, dict(metainfo=dict(classes=('a', 'b', 'c'))), '2 class folders.*names 3 classes'),
        (None, dict(ann_file='lost.txt'), r'list of images does not exist: .*lost\.txt'),
    ],
)
def test_a_wrong_folder_is_one_clear_line(folder, change, kwargs, message):
    if change:
        (folder / change).mkdir()
    with pytest.raises(UserError, match=message) as info:
        StrictImageFolder(str(folder), **kwargs)
    assert '\n' not in str(info.value)


@pytest.mark.parametrize('with_label', [True, False])
def test_the_first_images_of_each_class(tmp_path, with_label):
    """By name and not by number, as torchvision sorts them; at any depth; short classes whole."""
    for name in (
        'a/10.png',
        'a/9.png',
        'a/1.png',
        'b/0.png',
        'c/x/7.png',
        'c/y/5.png',
        'c/z/6.png',
    ):
        save(tmp_path / 'in' / name, RED)
    dataset = StrictImageFolder(
        str(tmp_path / 'in'), with_label=with_label, pipeline=LOAD, max_per_class=2
    )
    paths = [dataset.get_data_info(index)['img_path'] for index in range(len(dataset))]
    kept = ['a/1.png', 'a/10.png', 'b/0.png', 'c/x/7.png', 'c/y/5.png']
    assert paths == [str(tmp_path / 'in' / name) for name in kept]
    if with_label:
        assert dataset.get_gt_labels().tolist() == [0, 0, 1, 2, 2]


def test_the_first_images_of_each_label_of_a_list(folder):
    (folder / 'list.txt').write_text('b/0.png 7\na/1.png 3\na/0.png 7\n')
    dataset = StrictImageFolder(str(folder), ann_file='list.txt', pipeline=LOAD, max_per_class=1)
    assert colours(dataset) == [BLUE, GREEN]


def test_max_per_class_needs_classes_and_a_number(folder):
    save(folder / 'x.png', RED)
    with pytest.raises(UserError, match=r'folder for each class, but .*x\.png is in none'):
        StrictImageFolder(str(folder), with_label=False, max_per_class=1)
    with pytest.raises(UserError, match='must be at least 1 .*, got 0'):
        StrictImageFolder(str(folder), max_per_class=0)


def test_an_empty_list_and_no_folder_at_all(folder):
    (folder / 'list.txt').write_text('')
    with pytest.raises(UserError, match='list of images is empty'):
        StrictImageFolder(str(folder), ann_file='list.txt')
    with pytest.raises(UserError, match='no data folder is given'):
        StrictImageFolder()


def test_blank_lines_of_a_list_are_no_images(folder):
    (folder / 'list.txt').write_text('\nb/0.png 7\r\n  \na/1.png  3 \n\n')
    dataset = StrictImageFolder(str(folder), ann_file='list.txt', pipeline=LOAD)
    assert colours(dataset) == [BLUE, GREEN] and dataset.get_gt_labels().tolist() == [7, 3]
    (folder / 'list.txt').write_text('b/0.png \n\n\n')
    unlabelled = dict(ann_file='list.txt', with_label=False, pipeline=LOAD)
    assert colours(StrictImageFolder(str(folder), **unlabelled)) == [BLUE]
    with pytest.raises(UserError, match="has no label: 'b/0.png'"):
        StrictImageFolder(str(folder), ann_file='list.txt')


def test_what_is_left_out_is_said(tmp_path, monkeypatch):
    lines = []
    monkeypatch.setattr(
        image_folder.MMLogger,
        'get_current_instance',
        lambda: types.SimpleNamespace(info=lines.append),
    )
    for name in ('b.png', 'a/x.JPG', 'a-b/x.jpg', 'a/x.gif', 'y.gif', 'y.jfif', 'README'):
        save(tmp_path / name, RED)
    for name in ('.hidden.png', '.hidden/x.png', 'a/.trash/x.png'):
        save(tmp_path / name, RED)
    (tmp_path / 'a' / 'loop').symlink_to(tmp_path)
    (tmp_path / 'gone.png').symlink_to(tmp_path / 'nowhere.png')
    dataset = StrictImageFolder(str(tmp_path), with_label=False, pipeline=LOAD)
    paths = [dataset.get_data_info(index)['img_path'] for index in range(len(dataset))]
    assert paths == [str(tmp_path / name) for name in ('a-b/x.jpg', 'a/x.JPG', 'b.png')]
    assert lines == [
        f'{tmp_path}: 3 images; 4 files of other endings are left out '
        '(2 .gif, 1 .jfif, 1 no ending)'
    ]


@pytest.mark.parametrize('damage', ['truncated', 'text', 'empty', 'lost'])
def test_a_broken_image_is_named(folder, damage):
    dataset = StrictImageFolder(str(folder), pipeline=LOAD)
    path = folder / 'a' / '1.png'
    assert dataset[1]['img'].shape == (6, 8, 3)
    if damage == 'truncated':
        truncate(path)
    elif damage == 'lost':
        path.unlink()
    else:
        path.write_bytes(b'' if damage == 'empty' else b'no image')
    with pytest.raises(UserError, match=r'broken image .*a/1\.png') as info:
        dataset[1]
    assert '\n' not in str(info.value)


def test_a_truncated_jpeg_is_broken(tmp_path):
    """OpenCV would return it half grey."""
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    Image.fromarray(noise).save(tmp_path / 'x.jpg')
    path = tmp_path / 'x.jpg'
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    dataset = StrictImageFolder(str(tmp_path), with_label=False, pipeline=LOAD)
    with pytest.raises(BrokenImageError, match='truncated'):
        dataset[0]


def test_an_error_in_a_worker_stays_one_line(folder):
    """PyTorch raises a worker's error again as ``type(error)(its whole traceback)``."""
    truncate(folder / 'a' / '0.png')
    dataset = StrictImageFolder(str(folder), pipeline=LOAD)
    try:
        dataset[0]
    except BrokenImageError:
        carried = ExceptionWrapper(where='in DataLoader worker process 0')
    with pytest.raises(UserError, match=r'^broken image .*a/0\.png') as info:
        carried.reraise()
    assert '\n' not in str(info.value)


def test_an_error_survives_pickling():
    error = pickle.loads(pickle.dumps(BrokenImageError('x.png', 'because')))
    assert (error.path, error.reason) == ('x.png', 'because') and 'because' in str(error)


def test_broken_images_are_skipped_counted_and_logged_once(folder, monkeypatch):
    lines = []
    monkeypatch.setattr(
        image_folder.MMLogger,
        'get_current_instance',
        lambda: types.SimpleNamespace(warning=lines.append, info=str),
    )
    truncate(folder / 'a' / '1.png')
    dataset = StrictImageFolder(str(folder), pipeline=LOAD, skip_broken=True)
    assert colours(dataset) == [RED, BLUE, BLUE]  # the next image in its place
    assert colours(dataset) == [RED, BLUE, BLUE]
    assert list(dataset.broken) == [str(folder / 'a/1.png')] and len(dataset) == 3
    assert len(lines) == 1
    assert lines[0].startswith('skipped broken image') and 'a/1.png' in lines[0]


def test_the_last_image_is_replaced_by_the_first(folder):
    truncate(folder / 'b' / '0.png')
    dataset = StrictImageFolder(str(folder), pipeline=LOAD, skip_broken=True)
    assert colours(dataset) == [RED, GREEN, RED]
    assert dataset[2]['gt_label'] == 0  # with that image's label


def test_all_images_broken_is_an_error(folder):
    for path in folder.rglob('*.png'):
        truncate(path)
    with pytest.raises(UserError, match=r'all 3 images of .* are broken'):
        StrictImageFolder(str(folder), pipeline=LOAD, skip_broken=True)[0]
    with pytest.raises(UserError, match=r'all 3 images of .* are broken'):
        StrictImageFolder(str(folder), pipeline=LOAD, skip_broken=True, verify=True)


def test_verify_names_broken_images_before_the_run(folder):
    StrictImageFolder(str(folder), verify=True)
    truncate(folder / 'a' / '1.png')
    (folder / 'b' / '0.png').write_bytes(b'')
    with pytest.raises(UserError, match=r'2 of 3 images are broken, first: .*a/1\.png') as info:
        StrictImageFolder(str(folder), verify=True)
    assert '\n' not in str(info.value)


def test_verify_leaves_broken_images_out(folder):
    truncate(folder / 'a' / '0.png')
    dataset = StrictImageFolder(str(folder), pipeline=LOAD, verify=True, skip_broken=True)
    assert colours(dataset) == [GREEN, BLUE] and len(dataset.broken) == 1


def test_in_test_mode_broken_images_are_left_out_not_replaced(folder):
    truncate(folder / 'a' / '0.png')
    dataset = StrictImageFolder(str(folder), pipeline=LOAD, skip_broken=True, test_mode=True)
    assert colours(dataset) == [GREEN, BLUE]
    assert dataset.get_gt_labels().tolist() == [0, 1]


def test_the_cache_serves_copies_from_memory(folder):
    dataset = StrictImageFolder(str(folder), pipeline=LOAD, cache=True)
    dataset[0]['img'][:] = 7
    (folder / 'a' / '0.png').unlink()
    again = dataset[0]
    assert again['img'][0, 0].tolist() == [0, 0, 255]  # BGR red
    again['img'][:] = 7
    assert dataset[0]['img'][0, 0].tolist() == [0, 0, 255]
    assert again['img_shape'] == again['ori_shape'] == (6, 8)


def test_the_cache_is_bounded(folder, monkeypatch):
    monkeypatch.setattr(load_image, 'CACHE_BYTES', 2 * 6 * 8 * 3)
    dataset = StrictImageFolder(str(folder), pipeline=LOAD, cache=True)
    assert colours(dataset) == colours(dataset) == [RED, GREEN, BLUE]
    for path in folder.rglob('*.png'):
        path.unlink()
    assert [dataset[0]['img_shape'], dataset[1]['img_shape']] == [(6, 8)] * 2
    with pytest.raises(BrokenImageError):
        dataset[2]


def test_the_readers_arguments_are_kept(folder):
    pipeline = [dict(type='LoadImageFromFile', to_float32=True, color_type='grayscale')]
    image = StrictImageFolder(str(folder), pipeline=pipeline)[1]['img']
    assert image.dtype == np.float32 and image.shape == (6, 8)
    assert image[0, 0] == 150  # 0.587 x 255, as Pillow rounds it


@pytest.mark.parametrize('option', ['cache', 'skip_broken'])
def test_options_without_a_reader_are_refused(folder, option):
    with pytest.raises(UserError, match='need a pipeline with LoadImageFromFile'):
        StrictImageFolder(str(folder), pipeline=[], **{option: True})


def test_the_strict_reader_in_a_pipeline_of_its_own(folder):
    reader = LoadImageStrict(imdecode_backend='cv2')
    image = reader(dict(img_path=str(folder / 'b/0.png')))['img']
    assert image[0, 0].tolist() == [255, 0, 0]  # BGR blue
    (folder / 'b/0.png').write_bytes(b'no image')
    with pytest.raises(BrokenImageError, match='cv2 cannot decode it'):
        reader(dict(img_path=str(folder / 'b/0.png')))
