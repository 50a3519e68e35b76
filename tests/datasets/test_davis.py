"""DAVIS 2017's layout is read, and what is missing is said in one line."""

import shutil

import numpy as np
import pytest
from PIL import Image

from mmmask.datasets.davis import DAVIS2017, davis_palette, read_objects
from mmmask.datasets.miniatures import write_miniature
from mmmask.utils.errors import UserError


@pytest.fixture(scope='module')
def written(tmp_path_factory):
    folder = tmp_path_factory.mktemp('davis')
    write_miniature('davis2017', folder)
    return folder


@pytest.fixture
def root(written, tmp_path):
    return shutil.copytree(written, tmp_path / 'DAVIS')


def test_the_miniature(written):
    dataset = DAVIS2017(str(written))
    assert [dataset[i]['name'] for i in range(len(dataset))] == [
        'fur-on-brick',
        'petals-leave-grass',
        'print-and-tissue',
    ]
    for index, count in enumerate((1, 2, 2)):
        sequence = dataset[index]
        assert len(sequence['frames']) == len(sequence['masks']) == 12
        for frame, mask in zip(sequence['frames'], sequence['masks'], strict=True):
            with Image.open(frame) as image, Image.open(mask) as palette:
                assert image.size == palette.size == (160, 96)
                assert palette.mode == 'P'
                assert palette.getpalette()[:6] == [0, 0, 0, 128, 0, 0]
        first = read_objects(sequence['masks'][0])
        assert sorted(np.unique(first)) == list(range(count + 1))
    last = read_objects(dataset[1]['masks'][-1])
    assert not (last == 1).any() and (last == 2).any()  # object 1 has left


def test_the_colours_of_davis():
    colours = davis_palette().tolist()
    assert colours[:8] == [
        [0, 0, 0],
        [128, 0, 0],
        [0, 128, 0],
        [128, 128, 0],
        [0, 0, 128],
        [128, 0, 128],
        [0, 128, 128],
        [128, 128, 128],
    ]
    assert colours[8] == [64, 0, 0] and colours[255] == [224, 224, 192]


def test_void_is_no_object(tmp_path):
    Image.fromarray(np.array([[0, 2, 255]], np.uint8)).save(tmp_path / 'mask.png')
    assert read_objects(tmp_path / 'mask.png').tolist() == [[0, 2, 0]]


def test_what_is_missing(root):
    (root / 'Annotations/480p/fur-on-brick/00003.png').unlink()
    with pytest.raises(UserError, match='1 of 12 masks of the sequence fur-on-brick are missing'):
        DAVIS2017(str(root))
    shutil.rmtree(root / 'JPEGImages/480p/fur-on-brick')
    with pytest.raises(UserError, match='fur-on-brick has 0 frames.*unpack DAVIS-2017-trainval'):
        DAVIS2017(str(root))
    with pytest.raises(UserError, match='list of the sequences of DAVIS 2017 cannot be read'):
        DAVIS2017(str(root), split='test')
    (root / 'ImageSets/2017/val.txt').write_text('\n')
    with pytest.raises(UserError, match='names no sequences'):
        DAVIS2017(str(root))


def test_colours_are_no_objects(tmp_path):
    Image.new('RGB', (4, 4)).save(tmp_path / 'mask.png')
    with pytest.raises(UserError, match='holds colours'):
        read_objects(tmp_path / 'mask.png')
    with pytest.raises(UserError, match='absent.png cannot be read'):
        read_objects(tmp_path / 'absent.png')
