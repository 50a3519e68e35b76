"""Each miniature is read by its upstream class, with counts worked out by hand."""

import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from mmengine.registry import DefaultScope
from mmpretrain.datasets import Flowers102, ImageNet
from PIL import Image

from mmmask.datasets.cifar import LocalCIFAR10, LocalCIFAR100
from mmmask.datasets.inaturalist import INaturalist
from mmmask.datasets.miniatures import LAYOUTS, write_miniature
from mmmask.datasets.miniatures.cifar import COARSE
from mmmask.datasets.store import read_manifest
from mmmask.utils.errors import UserError


@pytest.fixture(scope='module')
def miniature(tmp_path_factory):
    """Layout -> its folder, written once."""
    folder = tmp_path_factory.mktemp('miniatures')

    def write(layout):
        write_miniature(layout, folder / layout)
        return str(folder / layout)

    return write


@pytest.fixture
def scope():
    """Enter upstream's scope."""

    def enter(name):
        DefaultScope._instance_dict.clear()
        DefaultScope.get_instance('upstream', scope_name=name)

    return enter


def test_imagenet(miniature):
    root = miniature('imagenet')
    for split in ('train', 'val'):
        dataset = ImageNet(root, split=split)
        assert dataset.get_gt_labels().tolist() == list(range(1000))
        assert len(dataset.metainfo['classes']) == 1000
        assert dataset.folder_to_idx['n01440764'] == 0  # tench is the first
    first, other = (dataset[index]['img_path'] for index in (0, 12))  # of one material
    with Image.open(first) as one, Image.open(other) as two:
        assert one.size == (32, 32)
        assert one.tobytes() != two.tobytes()


def test_coco(miniature, scope):
    from mmdet.datasets import CocoDataset

    scope('mmdet')
    root = miniature('coco')
    for split, count in (('train', 8), ('val', 4)):
        dataset = CocoDataset(
            data_root=root,
            ann_file=f'annotations/instances_{split}2017.json',
            data_prefix=dict(img=f'{split}2017/'),
        )
        assert len(dataset) == count
        assert dataset.cat_ids == sorted(dataset.cat_ids)
        assert len(dataset.cat_ids) == 80
        assert (dataset.cat_ids[0], dataset.cat_ids[79]) == (1, 90)
        assert dataset.cat2label[13] == 11  # stop sign: 12 isn't used
        labels = {entry['bbox_label'] for info in dataset for entry in info['instances']}
        # material m stands for class m * 79 // 11
        assert labels <= {0, 7, 14, 21, 28, 35, 43, 50, 57, 64, 71, 79}
        for info in dataset:
            for entry in info['instances']:
                x1, y1, x2, y2 = entry['bbox']
                assert 0 <= x1 < x2 <= 128
                assert 0 <= y1 < y2 <= 128


def test_published_coco_names_and_ids(miniature):
    with open(f'{miniature("coco")}/annotations/instances_val2017.json') as file:
        names = {entry['id']: entry['name'] for entry in json.load(file)['categories']}
    published = {1: 'person', 11: 'fire hydrant', 13: 'stop sign', 27: 'backpack', 31: 'handbag'}
    published |= {44: 'bottle', 46: 'wine glass', 65: 'bed', 67: 'dining table', 70: 'toilet'}
    published |= {72: 'tv', 82: 'refrigerator', 84: 'book', 90: 'toothbrush'}
    assert {number: names[number] for number in published} == published


def test_ade20k(miniature, scope):
    from mmseg.datasets import ADE20KDataset

    scope('mmseg')
    root = miniature('ade20k')
    values = set()
    for split, count in (('training', 8), ('validation', 4)):
        prefix = dict(img_path=f'images/{split}', seg_map_path=f'annotations/{split}')
        dataset = ADE20KDataset(data_root=root, data_prefix=prefix)
        assert len(dataset) == count
        for info in dataset:
            with Image.open(info['img_path']) as image, Image.open(info['seg_map_path']) as labels:
                assert image.size == labels.size == (128, 128)
                values |= set(np.unique(labels).tolist())
    # 1 + m * 149 // 11 for material m, and "other"
    assert values <= {0, 1, 14, 28, 41, 55, 68, 82, 95, 109, 122, 136, 150}
    assert 0 in values


def test_cityscapes(miniature, scope):
    from mmseg.datasets import CityscapesDataset

    scope('mmseg')
    root = miniature('cityscapes')
    for split, count in (('train', 8), ('val', 4)):
        prefix = dict(img_path=f'leftImg8bit/{split}', seg_map_path=f'gtFine/{split}')
        dataset = CityscapesDataset(data_root=root, data_prefix=prefix)
        assert len(dataset) == count
        for info in dataset:
            path = info['seg_map_path']
            with Image.open(info['img_path']) as image, Image.open(path) as labels:
                assert image.size == labels.size == (256, 128)
                trained = np.asarray(labels)
            with Image.open(path.replace('labelTrainIds', 'labelIds')) as labels:
                published = np.asarray(labels)
            assert ((trained == 255) == (published == 0)).all()
            assert ((trained == 0) == (published == 7)).all()  # road
            assert ((trained == 18) == (published == 33)).all()  # bicycle
            assert set(np.unique(trained)) <= {*range(19), 255}


def test_voc2012(miniature):
    from torchvision.datasets import VOCSegmentation

    root = miniature('voc2012')
    folder = Path(root).parent / 'VOCdevkit/VOC2012'  # as the archive has it
    folder.parent.mkdir()
    folder.symlink_to(root)
    for split, count in (('train', 8), ('val', 4)):
        dataset = VOCSegmentation(folder.parents[1], image_set=split)
        assert len(dataset) == count
        for (image, labels), name in zip(dataset, dataset.targets):
            values = np.asarray(labels)
            assert image.size == (128, 128) and values.shape == (128, 128)
            # 1 + m * 19 // 11 for material m, the background, and the outlines
            assert set(np.unique(values)) <= {0, 1, 2, 4, 6, 7, 9, 11, 13, 14, 16, 18, 20, 255}
            with Image.open(name.replace('Class', 'Object')) as objects:
                numbers = np.asarray(objects)
            assert ((numbers == 0) == (values == 0)).all()
            assert ((numbers == 255) == (values == 255)).all() and (values == 255).any()
            for number in range(1, len(set(numbers.flat) - {0, 255}) + 1):
                assert len(np.unique(values[numbers == number])) == 1  # an object has one class


@pytest.mark.parametrize(
    ('layout', 'kind', 'train', 'test'),
    [('cifar10', LocalCIFAR10, 200, 40), ('cifar100', LocalCIFAR100, 200, 100)],
)
def test_cifar(miniature, layout, kind, train, test):
    root = miniature(layout)
    classes = int(layout.removeprefix('cifar'))
    for split, count in (('train', train), ('test', test)):
        dataset = kind(root, split=split)
        assert len(dataset) == count
        assert dataset[0]['img'].shape == (32, 32, 3)
        per_class = Counter(dataset.get_gt_labels().tolist())
        if count >= classes:
            assert len(per_class) == classes
            assert set(per_class.values()) == {count // classes}
        assert len(dataset.metainfo['classes']) == classes


def test_cifar_md5_sums_are_upstreams_business(miniature):
    from mmpretrain.datasets import CIFAR10

    with pytest.raises(RuntimeError, match='Cannot find CIFAR10'):
        CIFAR10(miniature('cifar10'), download=False)


def test_coarse_labels_hold_five_classes_each():
    assert set(Counter(COARSE).values()) == {5}
    assert sorted(set(COARSE)) == list(range(20))


def test_flowers102(miniature):
    root = miniature('flowers102')
    counts = dict(train=102, val=102, trainval=204, test=102)
    for split, count in counts.items():
        dataset = Flowers102(root, split=split)
        assert len(dataset) == count
        assert sorted(set(dataset.get_gt_labels().tolist())) == list(range(102))
    assert dataset[0]['img_path'].endswith('image_00205.jpg')
    with Image.open(dataset[0]['img_path']) as image:
        assert image.size == (48, 48)


@pytest.mark.parametrize(('year', 'classes'), [(2018, 8142), (2019, 1010)])
def test_inaturalist(miniature, year, classes):
    root = miniature(f'inaturalist{year}')
    for split, count in (('train', 24), ('val', 12)):
        dataset = INaturalist(root, year, split, num_classes=classes)
        assert len(dataset) == count
        labels = dataset.get_gt_labels()
        assert (labels.min(), labels.max(), len(set(labels.tolist()))) == (0, classes - 1, 12)
        assert dataset.metainfo['classes'][0] == 'brick'
        with Image.open(dataset[count - 1]['img_path']) as image:
            assert image.size == (64, 64)


LARGE = ('imagenet', 'imagenet-sketch', 'imagenetv2')


@pytest.mark.parametrize('layout', [layout for layout in LAYOUTS if layout not in LARGE])
def test_the_same_again(miniature, tmp_path, layout):
    root = miniature(layout)
    write_miniature(layout, tmp_path)
    assert read_manifest(tmp_path) == read_manifest(type(tmp_path)(root))


def test_a_second_call_completes(miniature, tmp_path):
    write_miniature('ade20k', tmp_path)
    image = tmp_path / 'images/training/ADE_train_00000001.jpg'
    kept = tmp_path / 'images/training/ADE_train_00000002.jpg'
    before, time = image.read_bytes(), kept.stat().st_mtime_ns
    image.write_bytes(before[:100])
    write_miniature('ade20k', tmp_path)
    assert image.read_bytes() == before
    assert kept.stat().st_mtime_ns == time


def test_what_it_refuses(tmp_path):
    with pytest.raises(UserError, match='choose one of imagenet, coco'):
        write_miniature('mnist', tmp_path)
    (tmp_path / 'mine.txt').write_text('mine')
    with pytest.raises(UserError, match='did not write'):
        write_miniature('coco', tmp_path)
