"""Images with label maps of two pixels, checked with values worked out by hand."""

import numpy as np
import pytest
from PIL import Image

from mmmask.datasets.layouts import QUICK
from mmmask.datasets.layouts.segmentation import check_segmentation
from mmmask.utils.errors import UserError


@pytest.fixture
def check(tmp_path):
    """Write one image and its map, and check them as data of two classes."""

    def run(values, name='a', split='train', **options):
        images, maps = tmp_path / 'images' / split, tmp_path / 'maps' / split
        for folder in (images, maps):
            folder.mkdir(parents=True, exist_ok=True)
        Image.new('RGB', (len(values), 1)).save(images / f'{name}.jpg')
        Image.fromarray(np.array([values], np.uint8)).save(maps / f'{name}.png')
        return check_segmentation(images, maps, ('.jpg', '.png'), 2, False, QUICK, **options)

    return run


def test_another_ignored_value(check):
    found = check([0, 1, 7], ignore_index=7)
    assert found.facts['classes in them'] == 2
    with pytest.raises(UserError, match='has label 7, but num_classes=2 allows 0 to 1'):
        check([0, 1, 7])


def test_a_binary_map_whose_foreground_is_ignored(check):
    (note,) = check([0, 255]).notes
    assert 'hold only 0 and 255, which is ignored' in note
    assert check([0, 1, 255]).notes == []
    assert check([0, 0]).notes == []


def test_labels_of_cityscapes_test_split_are_not_published(check):
    with pytest.raises(UserError, match='only ignored pixels'):
        check([255, 255], kind='CityscapesDataset')
    assert check([255, 255], split='test', kind='CityscapesDataset').images == 1


def test_a_list_of_names_with_spaces(check, tmp_path):
    path = tmp_path / 'list.txt'
    path.write_text('a b\n')
    assert check([0, 1], name='a b', ann_file=path).images == 1
    path.write_text('a b\nc\n')
    with pytest.raises(UserError, match=r'1 of 2 images in .* have no label map, .*c\.png'):
        check([0, 1], name='a b', ann_file=path)
