import json

import numpy as np
import pytest
from mmengine.config import Config
from PIL import Image

from mmmask.errors import UserError
from mmmask.launch.data_checks import check_data


def classification(root, **dataset) -> Config:
    return Config(
        dict(
            default_scope='mmpretrain',
            model=dict(type='ImageClassifier', head=dict(type='LinearClsHead', num_classes=2)),
            train_cfg=dict(by_epoch=True),
            train_dataloader=dict(
                dataset=dict(type='CustomDataset', data_root=str(root), **dataset)
            ),
        )
    )


def test_folders_and_class_counts_of_classification(tiny_data, tmp_path):
    check_data(classification(tiny_data, data_prefix='train'), ['train', 'val'])
    with pytest.raises(UserError, match='does not exist'):
        check_data(classification(tiny_data / 'nothing'), ['train'])
    with pytest.raises(UserError, match='it is empty'):
        check_data(classification(tmp_path), ['train'])
    with pytest.raises(UserError, match='does not exist.*validate'):
        check_data(classification(tiny_data, data_prefix='validate'), ['train'])
    with pytest.raises(UserError, match=r'annotation file of train .*meta\.txt'):
        check_data(classification(tiny_data, ann_file='meta.txt'), ['train'])
    cfg = classification(tiny_data, data_prefix='train')
    cfg.model.head.num_classes = 5
    with pytest.raises(UserError, match=r'model\.head\.num_classes: .* 2 class folders'):
        check_data(cfg, ['train'])


def test_wrapped_data_sets_are_looked_at(tiny_data, tmp_path):
    inner = dict(type='CustomDataset', data_root=str(tmp_path / 'nothing'))
    cfg = classification(tiny_data)
    for wrapper in (
        dict(type='RepeatDataset', times=2, dataset=inner),
        dict(type='ConcatDataset', datasets=[cfg.train_dataloader.dataset.to_dict(), inner]),
    ):
        cfg.train_dataloader.dataset = wrapper
        with pytest.raises(UserError, match='does not exist'):
            check_data(cfg, ['train'])


def test_what_is_not_local_or_not_run_is_left_alone(tiny_data):
    check_data(classification('s3://bucket/data'), ['train'])
    check_data(classification('/nowhere', backend_args=dict(backend='petrel')), ['train'])
    check_data(classification('/nowhere'), ['test'])
    cfg = classification('/nowhere')
    cfg.train_dataloader.dataset.type = 'CIFAR10'
    cfg.model.head.num_classes = 10
    check_data(cfg, ['train'])  # it downloads itself


def test_names_of_the_data_set_decide(tiny_data):
    cfg = classification(tiny_data, metainfo=dict(classes=['a', 'b', 'c']))
    with pytest.raises(UserError, match='num_classes=2, but the data set names 3'):
        check_data(cfg, ['train'])
    cfg = classification(tiny_data)
    cfg.train_dataloader.dataset.type = 'ImageNet'
    with pytest.raises(UserError, match='names 1000'):
        check_data(cfg, ['train'])


def detection(root, classes, **metainfo) -> Config:
    heads = dict(bbox_head=dict(num_classes=2), mask_head=dict(num_classes=2))
    dataset = dict(
        type='CocoDataset',
        data_root=str(root),
        ann_file='instances.json',
        data_prefix=dict(img='images/'),
        metainfo=dict(classes=classes, **metainfo),
    )
    return Config(
        dict(
            default_scope='mmdet',
            model=dict(rpn_head=dict(num_classes=1), roi_head=heads),
            train_cfg=dict(by_epoch=True),
            train_dataloader=dict(dataset=dataset),
        )
    )


def test_detector_classes(tmp_path):
    (tmp_path / 'images').mkdir()
    Image.new('RGB', (8, 8)).save(tmp_path / 'images' / '1.jpg')
    names = ['cat', 'dog', 'cow']
    coco = dict(
        images=[dict(id=1, file_name='1.jpg', height=8, width=8)],
        categories=[dict(id=i, name=name) for i, name in enumerate(names)],
        annotations=[dict(id=1, image_id=1, category_id=0, bbox=[0, 0, 4, 4], area=16, iscrowd=0)],
    )
    (tmp_path / 'instances.json').write_text(json.dumps(coco))
    with pytest.raises(UserError, match=r'roi_head\.bbox_head\.num_classes: .* names 3'):
        check_data(detection(tmp_path, names), ['train'])
    with pytest.raises(UserError, match="'cow' is left out"):
        check_data(detection(tmp_path, names[:2]), ['train'])
    check_data(detection(tmp_path, names[:2], subset=True), ['train'])
    with pytest.raises(UserError, match="no category 'horse'"):
        check_data(detection(tmp_path, ['cat', 'horse']), ['train'])


def test_segmenter_labels(tmp_path):
    for folder in ('images', 'labels'):
        (tmp_path / folder).mkdir()
    Image.new('RGB', (4, 4)).save(tmp_path / 'images' / '1.jpg')
    label = np.array([[0, 1], [2, 3]], np.uint8)  # 0 is ignored: classes 0, 1 and 2
    Image.fromarray(label).save(tmp_path / 'labels' / '1.png')

    def segmentation(classes: list[str]) -> Config:
        dataset = dict(
            type='BaseSegDataset',
            data_root=str(tmp_path),
            data_prefix=dict(img_path='images', seg_map_path='labels'),
            reduce_zero_label=True,
            metainfo=dict(classes=classes),
        )
        head = dict(num_classes=len(classes))
        return Config(
            dict(
                default_scope='mmseg',
                model=dict(decode_head=head, auxiliary_head=[head]),
                train_cfg=dict(),
                train_dataloader=dict(dataset=dataset),
            )
        )

    check_data(segmentation(['a', 'b', 'c']), ['train'])
    with pytest.raises(UserError, match='has label 3'):
        check_data(segmentation(['a', 'b']), ['train'])
    cfg = segmentation(['a', 'b', 'c'])
    cfg.model.auxiliary_head[0].num_classes = 150
    with pytest.raises(UserError, match=r'auxiliary_head\.0\.num_classes'):
        check_data(cfg, ['train'])
