import json
import shutil

import numpy as np
import pytest
from mmengine.config import Config
from mmengine.logging import MMLogger
from PIL import Image

from mmmask.datasets.miniatures import write_miniature
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
    Image.new('RGB', (2, 2)).save(tmp_path / 'images' / '1.jpg')
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


def published(kind, root, classes, **dataset) -> Config:
    scopes = dict(CocoDataset='mmdet', ADE20KDataset='mmseg')
    dataset = dict(type=kind, data_root=str(root), **dataset)
    return Config(
        dict(
            default_scope=scopes.get(kind, 'mmpretrain'),
            model=dict(head=dict(num_classes=classes)),
            train_cfg=dict(),
            train_dataloader=dict(dataset=dataset),
        )
    )


COCO = dict(ann_file='annotations/instances_val2017.json', data_prefix=dict(img='val2017/'))


def test_published_layouts_are_looked_at(tmp_path, monkeypatch):
    notes = []
    monkeypatch.setattr(MMLogger, 'warning', lambda self, text: notes.append(text))
    for layout in ('coco', 'ade20k', 'cifar10', 'flowers102', 'inaturalist2019'):
        write_miniature(layout, tmp_path / layout)
    coco = published('CocoDataset', tmp_path / 'coco', 80, **COCO)
    prefix = dict(img_path='images/validation', seg_map_path='annotations/validation')
    ade20k = published('ADE20KDataset', tmp_path / 'ade20k', 150, data_prefix=prefix)
    cifar = published('LocalCIFAR10', tmp_path / 'cifar10', 10)
    flowers = published('Flowers102', tmp_path / 'flowers102', 102)
    species = published('INaturalist', tmp_path / 'inaturalist2019', 1010, year=2019)
    for cfg in (coco, ade20k, cifar, flowers, species):
        check_data(cfg, ['train'])
    counts = [note.partition('): ')[2] for note in notes]
    assert counts == [
        f'{there} images, but the published split has {wanted}'
        for there, wanted in (
            (4, '5,000'),
            (4, '2,000'),
            (200, '50,000'),
            (204, '2,040'),
            (24, '265,213'),
        )
    ]
    for path, cfg, message in (
        ('coco/val2017/000000001001.jpg', coco, '1 of the 4 images'),
        ('ade20k/annotations/validation/ADE_val_00000001.png', ade20k, 'have no label map'),
        ('cifar10/cifar-10-batches-py/test_batch', cifar, '1 of 6 batches are absent'),
        ('flowers102/setid.mat', flowers, r'does not exist: .*setid\.mat'),
        ('inaturalist2019/train2019.json', species, r'does not exist: .*train2019\.json'),
    ):
        (tmp_path / path).unlink()
        with pytest.raises(UserError, match=message):
            check_data(cfg, ['train'])


def test_large_annotation_files_are_not_read(tmp_path, monkeypatch):
    from mmmask.datasets.layouts import coco, inaturalist

    write_miniature('coco', tmp_path / 'coco')
    write_miniature('inaturalist2019', tmp_path / 'species')
    (tmp_path / 'coco' / COCO['ann_file']).write_text('not read')
    (tmp_path / 'species/train2019.json').write_text('not read')
    monkeypatch.setattr(coco, 'LARGE', 4)
    monkeypatch.setattr(inaturalist, 'LARGE', 4)
    objects = published('CocoDataset', tmp_path / 'coco', 80, **COCO)
    species = published('INaturalist', tmp_path / 'species', 1010, year=2019)
    check_data(objects, ['train'])
    check_data(species, ['train'])
    image = tmp_path / 'coco/val2017/000000001001.jpg'
    image.write_bytes(image.read_bytes()[:500])
    with pytest.raises(UserError, match='1 of 4 images that were opened are broken'):
        check_data(objects, ['train'])
    shutil.rmtree(tmp_path / 'species/train_val2019')
    with pytest.raises(UserError, match='the folder of images of iNaturalist 2019 does not'):
        check_data(species, ['train'])


def test_before_a_run_one_image_of_a_class_is_looked_for(tmp_path):
    write_miniature('imagenet', tmp_path)
    cfg = published('ImageNet', tmp_path, 1000, split='val')
    check_data(cfg, ['train'])
    for path in (tmp_path / 'val/n15075141').iterdir():  # toilet tissue, the last class
        path.unlink()
    with pytest.raises(UserError, match='1 class folders of .*val, first: n15075141'):
        check_data(cfg, ['train'])
    # The same by another class, whose folders are compared with the head.
    cfg = published('StrictImageFolder', tmp_path, 999, data_prefix='train')
    with pytest.raises(UserError, match='1000 class folders, but the model has 999'):
        check_data(cfg, ['train'])


def test_data_that_bring_no_names_have_known_numbers_of_classes(tmp_path):
    write_miniature('flowers102', tmp_path)
    with pytest.raises(UserError, match=r'head\.num_classes: .*=17, but the data set has 102'):
        check_data(published('Flowers102', tmp_path, 17), ['train'])
    species = published('INaturalist', tmp_path, 17, num_classes=8142)
    with pytest.raises(UserError, match=r'=17, but the data set has 8142'):
        check_data(species, ['train'])
