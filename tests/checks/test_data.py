import json
import shutil

import numpy as np
import pytest
from mmengine.config import Config
from mmengine.logging import MMLogger
from PIL import Image

from mmmask.checks.data import build_data_set, check_built, check_files
from mmmask.checks.uses import data_sets, find_place
from mmmask.datasets.miniatures import write_miniature
from mmmask.utils.errors import UserError


def check_data(cfg: Config, modes: list[str]) -> None:
    """Look for the files, build the data sets, and look into them, as a run does."""
    check_files(cfg, modes)
    built = []
    for use, dataset in data_sets(cfg, modes):
        place = find_place(cfg, dataset)
        if not (place.elsewhere or place.downloads):
            built.append((use, dataset, build_data_set(cfg, use, dataset)))
    check_built(cfg, built)


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
    with pytest.raises(UserError, match='folder of train data is empty'):
        check_data(classification(tmp_path), ['train'])
    with pytest.raises(UserError, match='does not exist.*validate'):
        check_data(classification(tiny_data, data_prefix='validate'), ['train'])
    with pytest.raises(UserError, match=r'annotation file of train .*meta\.txt'):
        check_data(classification(tiny_data, ann_file='meta.txt'), ['train'])
    cfg = classification(tiny_data, data_prefix='train')
    cfg.model.head.num_classes = 5
    with pytest.raises(UserError, match=r'head\.num_classes: .* has 2 classes \(bright, dark\)'):
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
    step = dict(type='LoadImageFromFile', backend_args=dict(backend='lmdb', db_path='/nowhere'))
    check_data(classification('/nowhere', pipeline=[step]), ['train'])
    check_data(classification('/nowhere'), ['test'])
    cfg = classification('/nowhere')
    cfg.train_dataloader.dataset.type = 'CIFAR10'
    cfg.model.head.num_classes = 10
    check_data(cfg, ['train'])  # it downloads itself


def test_names_of_the_data_set_decide(tiny_data):
    cfg = classification(tiny_data, metainfo=dict(classes=['a', 'b', 'c']))
    cfg.train_dataloader.dataset.data_prefix = 'train'
    with pytest.raises(UserError, match=r'subfolders \(2\) .* specified classes \(3\)'):
        check_data(cfg, ['train'])
    cfg.train_dataloader.dataset.ann_file = 'names.txt'
    first = next((tiny_data / 'train').glob('*/*')).relative_to(tiny_data / 'train')
    (tiny_data / 'names.txt').write_text(f'{first} 0\n')
    with pytest.raises(UserError, match=r'num_classes=2, but the data set has 3 classes \(a, b, c'):
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
    with pytest.raises(UserError, match=r'roi_head\.bbox_head\.num_classes: .* has 3'):
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
    ] + ['998 of 1,010 classes have no image, such as label 1']  # of 1010: twelve are shown
    for path, cfg, message in (
        ('coco/val2017/000000001001.jpg', coco, '1 of 4 images of train .* are absent'),
        (
            'ade20k/annotations/validation/ADE_val_00000001.png',
            ade20k,
            '1 of 4 label maps of train .* are absent',
        ),
        ('cifar10/cifar-10-batches-py/test_batch', cifar, '1 of 6 batches are absent'),
        ('flowers102/setid.mat', flowers, r'does not exist: .*setid\.mat'),
        ('inaturalist2019/train2019.json', species, r'does not exist: .*train2019\.json'),
    ):
        (tmp_path / path).unlink()
        with pytest.raises(UserError, match=message):
            check_data(cfg, ['train'])


def test_large_annotation_files_are_read_and_that_is_said(tmp_path, monkeypatch):
    said = []
    monkeypatch.setattr(MMLogger, 'info', lambda self, text: said.append(text))
    monkeypatch.setattr('mmmask.checks.coco.LARGE', 4)
    write_miniature('coco', tmp_path)
    cfg = published('CocoDataset', tmp_path, 80, **COCO)
    check_data(cfg, ['train'])
    path = tmp_path / COCO['ann_file']
    assert said == [f'reading {path}: 0 MB']
    content = json.loads(path.read_text())
    content['categories'].reverse()
    path.write_text(json.dumps(content))
    with pytest.raises(UserError, match="'toothbrush' in the file and 'person' in the config"):
        check_data(cfg, ['train'])


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
    with pytest.raises(UserError, match='num_classes=999, but the data set has 1000 classes'):
        check_data(cfg, ['train'])


def test_data_that_bring_no_names_have_known_numbers_of_classes(tmp_path):
    write_miniature('flowers102', tmp_path)
    with pytest.raises(UserError, match=r'head\.num_classes: .*=17, but the data set has 102'):
        check_data(published('Flowers102', tmp_path, 17), ['train'])
    write_miniature('inaturalist2019', tmp_path / 'species')
    species = published('INaturalist', tmp_path / 'species', 17, year=2019)
    with pytest.raises(UserError, match=r'=17, but the data set has 1010'):
        check_data(species, ['train'])


def photos(root, **counts) -> None:
    """``root/<split>/<class>/0.jpg`` ...: so many of each class."""
    for place, count in counts.items():
        folder = root / place.replace('__', '/')
        folder.mkdir(parents=True)
        for index in range(count):
            Image.new('RGB', (4, 4)).save(folder / f'{index}.jpg')


def with_val(cfg, **dataset) -> Config:
    """Add validation data that differ from the training's so."""
    inner = {**cfg.train_dataloader.dataset.to_dict(), **dataset}
    return Config(
        dict(cfg.to_dict(), val_dataloader=dict(dataset=inner), val_cfg=dict(), val_evaluator=[])
    )


def test_splits_have_the_same_class_folders(tmp_path):
    photos(tmp_path, train__cat=1, train__dog=1, val__Cat=1, val__dog=1)
    cfg = with_val(classification(tmp_path, data_prefix='train'), data_prefix='val')
    message = r'of val are not those of train: 1 of train only \(cat\); 1 of val only \(Cat\)'
    with pytest.raises(UserError, match=message):
        check_data(cfg, ['train', 'val'])
    (tmp_path / 'val/Cat').rename(tmp_path / 'val/cat')
    check_data(cfg, ['train', 'val'])


def test_another_process_leaves_it_to_the_first(tmp_path):
    check_files(classification(tmp_path / 'nothing'), ['train'], rank=1)


def test_named_sets_beside_the_test_set_are_looked_at(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for layout in ('imagenet9', 'imagenet-a'):
        write_miniature(layout, tmp_path / layout)
    photos(tmp_path, val__cat=1, val__dog=1)
    dataset = dict(type='StrictImageFolder', data_root='.', data_prefix='val')
    sets = dict(
        a=dict(dataset=dict(type='NumberedImageFolder', data_root='imagenet-a', data_prefix='')),
        nine=dict(dataset=dict(data_root='imagenet9', data_prefix='original/val')),
        black=dict(ratios=[0.1]),  # the test set's images
    )
    cfg = Config(
        dict(default_scope='mmpretrain', test_dataloader=dict(dataset=dataset), test_cfg={})
    )
    cfg.test_cfg.sets = sets
    uses = [use.name for use, _ in data_sets(cfg, ['test'])]
    assert uses == ['test', 'test set a', 'test set nine']
    check_data(cfg, ['test'])
    for key, value, message in (
        ('a.dataset.data_root', 'no', 'folder of test set a data does not exist: no .*sets.a=None'),
        (
            'nine.dataset.data_prefix',
            'mixed/val',
            'of test set nine images .*sets.nine=None',
        ),
        ('nine.class_map', 'map.json', r'map does not exist: map.json \[test_cfg.sets.nine=None'),
    ):
        wrong = Config(cfg.to_dict())
        wrong.merge_from_dict({f'test_cfg.sets.{key}': value})
        with pytest.raises(UserError, match=message) as error:
            check_files(wrong, ['test'])
        assert '\n' not in str(error.value)
        wrong.test_cfg.sets[key.partition('.')[0]] = None
        check_files(wrong, ['test'])
    cfg.test_cfg.sets.real = dict(dataset=dict(type='ReaLImageNet', labels_file='real.json'))
    with pytest.raises(UserError, match='ReaL labels does not exist: real.json .test_cfg.sets.re'):
        check_files(cfg, ['test'])


def test_bank_and_queries_of_k_nn_are_looked_at(tmp_path):
    photos(tmp_path, train__cat=1, train__dog=1, val__cat=1, val__hen=1)

    def loader(split: str) -> dict:
        return dict(
            dataset=dict(type='StrictImageFolder', data_root=str(tmp_path), data_prefix=split)
        )

    loop = Config(
        dict(
            default_scope='mmpretrain',
            test_cfg=dict(type='KNNLoop', bank_dataloader=loader('train')),
            test_dataloader=loader('val'),
            test_evaluator=[],
        )
    )
    with pytest.raises(UserError, match=r'classes of test bank are not those of test: .*hen'):
        check_data(loop, ['test'])
    loop.test_cfg.bank_dataloader.dataset.data_prefix = 'lost'
    with pytest.raises(UserError, match='folder of test bank images does not exist'):
        check_data(loop, ['test'])
    # Of a pre-training, whose own data may have any classes, or none.
    cfg = classification(tmp_path, data_prefix='train')
    cfg.default_hooks = dict(
        knn=dict(bank_dataloader=loader('val'), query_dataloader=loader('val')), other=None
    )
    check_data(cfg, ['train'])
    cfg.default_hooks.knn.query_dataloader = loader('lost')
    with pytest.raises(UserError, match='folder of knn query images does not exist'):
        check_data(cfg, ['train'])


def test_a_list_of_images_is_read(tmp_path):
    photos(tmp_path, images=2)
    path = tmp_path / 'meta.txt'
    cfg = classification(tmp_path, data_prefix='images', ann_file='meta.txt')
    path.write_text('0.jpg 0\n1.jpg 1\n')
    check_data(cfg, ['train'])
    for text, message in (
        ('0.jpg 0\n1.jpg 2\n', 'label 2, but 2 classes have labels 0 to 1'),
        (
            '0.jpg 0\nlost.jpg 1\n',
            '1 of 2 images of train .* absent, first: .*lost',
        ),
        ('0.jpg\n', 'line 1: not "<image> <label>"'),
        ('', 'is empty'),
    ):
        path.write_text(text)
        with pytest.raises(UserError, match=message):
            check_data(cfg, ['train'])
    path.write_text('0.jpg\nlost.jpg\n')
    cfg.train_dataloader.dataset.with_label = False
    with pytest.raises(UserError, match='1 of 2 images'):
        check_data(cfg, ['train'])


def test_flat_validation_images_of_imagenet(tmp_path):
    write_miniature('imagenet', tmp_path)
    cfg = published('StrictImageFolder', tmp_path, 1000, data_prefix='train')
    flat = with_val(cfg, data_prefix='val')
    lines = []
    for label, folder in enumerate(sorted((tmp_path / 'val').iterdir())):
        for path in list(folder.iterdir()):
            path.rename(tmp_path / 'val' / path.name)
            lines.append(f'{path.name} {label}')
        folder.rmdir()
    (tmp_path / 'meta').mkdir()
    (tmp_path / 'meta/val.txt').write_text('\n'.join(lines))
    with pytest.raises(UserError, match=r'no sub-folders.* ann_file=meta/val\.txt'):
        check_data(flat, ['train', 'val'])
    flat.val_dataloader.dataset.ann_file = 'meta/val.txt'
    check_data(flat, ['train', 'val'])


def test_validation_images_in_the_training_folder(tmp_path):
    write_miniature('imagenet', tmp_path)
    (tmp_path / 'train').rename(tmp_path / 'other')
    (tmp_path / 'val').rename(tmp_path / 'train')
    for kind, more in (
        ('ImageNet', dict(split='train')),
        ('CustomDataset', dict(data_prefix='train')),
    ):
        with pytest.raises(UserError, match=r'holds validation images, such as .*swapped\?'):
            check_data(published(kind, tmp_path, 1000, **more), ['train'])


def test_a_scope_of_its_own(tmp_path):
    write_miniature('coco', tmp_path)
    cfg = published('CocoDataset', tmp_path / 'lost', 80, _scope_='mmdet', **COCO)
    cfg.default_scope = 'mmpretrain'
    with pytest.raises(UserError, match='does not exist'):
        check_data(cfg, ['train'])


def test_cifar_that_would_be_downloaded(tmp_path):
    check_files(published('CIFAR10', tmp_path / 'lost', 10), ['train'])
    (tmp_path / 'empty').mkdir()
    with pytest.raises(UserError, match='folder of train data is empty'):
        check_data(published('LocalCIFAR10', tmp_path / 'empty', 10), ['train'])
    write_miniature('cifar10', tmp_path)
    with pytest.raises(UserError, match=r'not the published file .* use LocalCIFAR10'):
        check_files(published('CIFAR10', tmp_path, 10), ['train'])
    with pytest.raises(UserError, match='num_classes=100, but the data set has 10'):
        check_data(published('LocalCIFAR10', tmp_path, 100), ['train'])


def test_annotations_of_a_metric_are_the_data_sets(tmp_path):
    write_miniature('coco', tmp_path)
    cfg = published('CocoDataset', tmp_path, 80, **COCO)
    own = tmp_path / COCO['ann_file']
    cfg = with_val(cfg)
    other = tmp_path / 'annotations/instances_train2017.json'
    for path, words in (
        (tmp_path / 'lost.json', r'lost\.json, which does not exist'),
        (other, r'instances_train2017\.json'),
    ):
        cfg.val_evaluator = dict(type='CocoMetric', ann_file=str(path))
        message = rf'val_evaluator\.ann_file is .*{words}; .*set val_evaluator\.ann_file={own}'
        with pytest.raises(UserError, match=message):
            check_data(cfg, ['train', 'val'])
    cfg.val_evaluator = [dict(type='CocoMetric', ann_file=str(own))]
    check_data(cfg, ['train', 'val'])


def test_a_test_set_needs_no_annotations(tmp_path):
    write_miniature('coco', tmp_path)
    path = tmp_path / COCO['ann_file']
    content = json.loads(path.read_text())
    content.pop('annotations')
    path.write_text(json.dumps(content))
    with pytest.raises(UserError, match='holds no annotations'):
        check_data(published('CocoDataset', tmp_path, 80, **COCO), ['train'])
    check_data(published('CocoDataset', tmp_path, 80, test_mode=True, **COCO), ['train'])


def test_metrics_of_more_classes_than_there_are(tiny_data):
    cfg = with_val(classification(tiny_data, data_prefix='train'))
    cfg.val_evaluator = [dict(type='Accuracy', topk=(1, 5))]
    with pytest.raises(UserError, match=r'val_evaluator\.0\.topk=\(1, 5\), but there are 2'):
        check_data(cfg, ['train', 'val'])
    cfg.val_evaluator = dict(type='Accuracy', topk=1)
    check_data(cfg, ['train', 'val'])


def test_mixed_labels_have_the_classes_of_the_head(tiny_data):
    cfg = classification(tiny_data, data_prefix='train')
    cfg.data_preprocessor = dict(num_classes=1000)
    check_data(cfg, ['train'])  # nothing mixes them
    cfg.model.train_cfg = dict(augments=dict(type='Mixup', alpha=0.8))
    with pytest.raises(UserError, match=r'data_preprocessor\.num_classes=1000, but .*=2'):
        check_data(cfg, ['train'])


def test_colours_left_to_a_preprocessor_that_knows_nothing_of_them(tiny_data):
    cfg = classification(tiny_data, pipeline=[dict(type='MultiCrop', colours='device')])
    for kind in (None, 'SelfSupDataPreprocessor'):
        cfg.data_preprocessor = dict(type=kind)
        with pytest.raises(UserError, match=r"set data_preprocessor\.type='AugmentingData"):
            check_files(cfg, ['train'])
    cfg.data_preprocessor = dict(type='AugmentingDataPreprocessor')
    check_files(cfg, ['train'])
    cfg.model.data_preprocessor = dict(type='SelfSupDataPreprocessor')
    with pytest.raises(UserError, match=r"set model\.data_preprocessor\.type='AugmentingData"):
        check_files(cfg, ['train'])


def test_names_of_the_classes_in_a_file(tmp_path, tiny_data):
    (tmp_path / 'names.txt').write_text('a\nb\nc\n')
    cfg = classification(tiny_data / 'train', metainfo=dict(classes=str(tmp_path / 'names.txt')))
    with pytest.raises(UserError, match=r'specified classes \(3\)'):
        check_data(cfg, ['train'])
    with pytest.raises(UserError, match="metainfo.classes is 'lost.txt'"):
        check_data(classification(tiny_data, metainfo=dict(classes='lost.txt')), ['train'])


def test_what_cannot_be_read_is_one_line(tiny_data, monkeypatch):
    def refuse(*_):
        raise PermissionError(13, 'Permission denied', '/photos')

    monkeypatch.setattr('mmmask.checks.data.find_layout', refuse)
    with pytest.raises(UserError, match='of train cannot be read: Permission denied: /photos'):
        check_data(classification(tiny_data, data_prefix='train'), ['train'])


def test_a_hidden_class_folder_is_named(tmp_path):
    photos(tmp_path, **{'cat': 1, 'dog': 1, '.thumbs': 1})
    with pytest.raises(UserError, match=r'3 classes \(hidden folders: \.thumbs\)'):
        check_data(classification(tmp_path), ['train'])


def test_category_ids_of_both_splits_are_the_same(tmp_path):
    write_miniature('inaturalist2019', tmp_path)
    (tmp_path / 'categories.json').unlink()
    cfg = published('INaturalist', tmp_path, 1010, year=2019, num_classes=1010)
    cfg = with_val(cfg, split='val')
    check_data(cfg, ['train', 'val'])
    content = json.loads((tmp_path / 'val2019.json').read_text())
    content['categories'][1]['id'] = 5000  # no image is of it
    (tmp_path / 'val2019.json').write_text(json.dumps(content))
    with pytest.raises(UserError, match=r'1 of train only \(1\); 1 of val only \(5000\)'):
        check_data(cfg, ['train', 'val'])


def test_an_absent_class_of_imagenet_is_named(tmp_path):
    write_miniature('imagenet', tmp_path)
    shutil.rmtree(tmp_path / 'train/n01443537')
    with pytest.raises(UserError, match='999 class folders, .* n01443537 is missing'):
        check_data(published('StrictImageFolder', tmp_path, 1000, data_prefix='train'), ['train'])


def test_the_absence_of_the_data_sets_own_annotations_is_its_own_error(tmp_path):
    write_miniature('coco', tmp_path)
    cfg = with_val(published('CocoDataset', tmp_path, 80, **COCO))
    own = tmp_path / COCO['ann_file']
    cfg.val_evaluator = dict(type='CocoMetric', ann_file=str(own))
    own.unlink()
    with pytest.raises(UserError, match='the annotation file of train does not exist'):
        check_data(cfg, ['train', 'val'])
