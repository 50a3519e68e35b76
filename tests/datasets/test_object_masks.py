"""Masks and boxes of objects, of small files whose pixels are known."""

import json

import numpy as np
import pytest
import torch
from PIL import Image
from tiny_network import outline

from mmmask.datasets.object_masks import CocoObjects, LabelMapObjects
from mmmask.utils.errors import UserError


@pytest.fixture
def coco(tmp_path):
    """Write two images of 8 x 4 pixels (width x height): three objects, and none but a crowd."""
    images = [dict(id=n, file_name=f'{n}.png', width=8, height=4) for n in (7, 3)]
    objects = [
        dict(image_id=7, category_id=2, segmentation=outline(0, 0, 4, 2)),
        dict(image_id=7, category_id=1, segmentation=outline(6, 2, 8, 4)),
        dict(image_id=7, category_id=2, segmentation=outline(2, 1, 4, 4)),
        dict(image_id=3, category_id=1, iscrowd=1, segmentation=dict(size=[4, 8], counts=[0, 32])),
    ]
    for number, item in enumerate(objects):
        item.update(id=number + 1, area=1, bbox=[0, 0, 1, 1])
    content = dict(images=images, annotations=objects, categories=[])
    (tmp_path / 'file.json').write_text(json.dumps(content))
    (tmp_path / 'images').mkdir()
    for image in images:
        pixels = np.zeros((4, 8, 3), np.uint8)
        pixels[..., 0] = 200  # red
        Image.fromarray(pixels).save(tmp_path / 'images' / image['file_name'])
    return dict(data_root=str(tmp_path), ann_file='file.json', data_prefix=dict(img='images'))


def rectangle(left, top, right, bottom, size=8):
    mask = torch.zeros(size, size, dtype=torch.bool)
    mask[top:bottom, left:right] = True
    return mask


def test_coco_by_class_and_by_object(coco):
    first, second = CocoObjects(**coco, size=8)  # 3 comes before 7; stretched to twice the height
    assert first['data_samples'].masks.shape == (0, 8, 8)
    assert first['data_samples'].boxes.shape == (0, 4)
    assert second['inputs'].shape == (3, 8, 8) and second['inputs'][2].unique().tolist() == [200]
    lying, corner, standing = (
        rectangle(0, 0, 4, 4), rectangle(6, 4, 8, 8), rectangle(2, 2, 4, 8),
    )  # fmt: skip
    masks = second['data_samples'].masks
    assert torch.equal(masks, torch.stack([lying | standing, corner]))
    boxes = [[0, 0, 4, 4], [6, 4, 8, 8], [2, 2, 4, 8]]
    assert second['data_samples'].boxes.tolist() == boxes
    masks = CocoObjects(**coco, size=8, by='object')[1]['data_samples'].masks
    assert torch.equal(masks, torch.stack([lying, corner, standing]))


def test_coco_files_are_missing(coco):
    with pytest.raises(UserError, match='file2.json'):
        CocoObjects(**{**coco, 'ann_file': 'file2.json'})
    with pytest.raises(UserError, match="'3.png' and 1 others of .* isn't in"):
        CocoObjects(**{**coco, 'data_prefix': dict(img='.')})
    with pytest.raises(UserError, match="by must be 'class' or 'object'"):
        CocoObjects(**coco, by='image')


@pytest.fixture
def voc(tmp_path):
    """Write one image of 4 x 4 pixels: two objects of class 5, one of class 9, and an outline."""
    classes = np.array([[5, 5, 0, 9], [5, 5, 0, 9], [0, 0, 255, 255], [5, 0, 0, 0]], np.uint8)
    objects = np.array([[1, 2, 0, 3], [1, 2, 0, 3], [0, 0, 255, 255], [2, 0, 0, 0]], np.uint8)
    for folder, array, suffix in (('i', np.stack([classes] * 3, -1), 'jpg'), ('c', classes, 'png')):
        (tmp_path / folder).mkdir()
        Image.fromarray(array).save(tmp_path / folder / f'a.{suffix}')
    (tmp_path / 'o').mkdir()
    paletted = Image.fromarray(objects).convert('P')
    paletted.putdata(objects.flatten().tolist())
    paletted.save(tmp_path / 'o/a.png')
    (tmp_path / 'list.txt').write_text('a\n')
    return dict(data_root=str(tmp_path), data_prefix=dict(img_path='i', seg_map_path='c'), size=4)


def test_label_maps(voc):
    (item,) = LabelMapObjects(**voc)
    five, nine = item['data_samples'].masks
    expected = rectangle(0, 0, 2, 2, 4) | rectangle(0, 3, 1, 4, 4)
    assert torch.equal(five, expected) and torch.equal(nine, rectangle(3, 0, 4, 2, 4))
    # Without a map of objects, connected regions are objects.
    boxes = [[0, 0, 2, 2], [0, 3, 1, 4], [3, 0, 4, 2]]
    assert item['data_samples'].boxes.tolist() == boxes


def test_label_maps_with_objects(voc):
    voc['data_prefix']['instances'] = 'o'
    (item,) = LabelMapObjects(**voc, ann_file='list.txt')
    assert item['data_samples'].boxes.tolist() == [[0, 0, 1, 2], [0, 0, 2, 4], [3, 0, 4, 2]]
    assert len(item['data_samples'].masks) == 2  # of classes
    masks = LabelMapObjects(**voc, by='object')[0]['data_samples'].masks
    second = rectangle(1, 0, 2, 2, 4) | rectangle(0, 3, 1, 4, 4)
    assert len(masks) == 3 and torch.equal(masks[1], second)


def test_label_map_files_that_don_t_fit(voc, tmp_path):
    with pytest.raises(UserError, match=r'none.txt cannot be read'):
        LabelMapObjects(**voc, ann_file='none.txt')
    (tmp_path / 'list.txt').write_text('a b')
    with pytest.raises(UserError, match=r"there is no '.*i/b.jpg' and 1 other files"):
        LabelMapObjects(**voc, ann_file='list.txt')
    Image.new('RGB', (4, 4)).save(tmp_path / 'c/a.png')
    with pytest.raises(UserError, match='is no label map'):
        LabelMapObjects(**voc)[0]
    Image.new('L', (4, 5)).save(tmp_path / 'c/a.png')
    with pytest.raises(UserError, match=r'has \(4, 4\) pixels, its annotations \(5, 4\)'):
        LabelMapObjects(**voc)[0]
