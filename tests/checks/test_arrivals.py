"""What built data sets give is compared with their files; values are worked out by hand."""

import json
from functools import partial

import numpy as np
import pytest
from mmengine.config import Config
from PIL import Image

from mmmask.checks.arrivals import look_into
from mmmask.checks.data import build_data_set, look_for_files
from mmmask.checks.uses import Use, find_place
from mmmask.utils.errors import UserError

USE = Use('train', for_model=True)


def look(cfg: Config):
    """Look for the files of the training data, build them, and look into them."""
    dataset = cfg.train_dataloader.dataset
    look_for_files(cfg, USE, dataset)
    return look_into(USE, build_data_set(cfg, USE, dataset), find_place(cfg, dataset))


class TestLabelMaps:
    @pytest.fixture
    def check(self, tmp_path):
        """Write one image and its map, and look into them as data of so many classes."""

        def run(values, name='a', split='train', classes=2, turned=False, **options):
            images, maps = tmp_path / 'images' / split, tmp_path / 'maps' / split
            for folder in (images, maps):
                folder.mkdir(parents=True, exist_ok=True)
            labels = np.array([values]) if np.ndim(values) == 1 else np.array(values)
            exif = Image.Exif()
            if turned:
                exif[0x0112] = 6  # to be shown turned by 90 degrees: as 2 x 6 pixels
            size = (6, 2) if turned else labels.shape[::-1]
            Image.new('RGB', size).save(images / f'{name}.jpg', exif=exif)
            depth = np.uint16 if labels.max() > 255 else np.uint8
            Image.fromarray(labels.astype(depth)).save(maps / f'{name}.png')
            dataset = {'type': 'BaseSegDataset', **options} | dict(
                data_root=str(tmp_path),
                data_prefix=dict(img_path=f'images/{split}', seg_map_path=f'maps/{split}'),
                img_suffix='.jpg',
                seg_map_suffix='.png',
            )
            if 'type' not in options:
                dataset['metainfo'] = dict(classes=[str(label) for label in range(classes)])
            return look(Config(dict(default_scope='mmseg', train_dataloader=dict(dataset=dataset))))

        return run

    def test_another_ignored_value(self, check):
        assert check([0, 1, 7], ignore_index=7).facts['classes in them'] == 2
        with pytest.raises(UserError, match='has label 7, but num_classes=2 allows 0 to 1'):
            check([0, 1, 7])

    def test_zero_is_ignored_where_it_is_reduced(self, check):
        found = check([0, 1, 3, 255], classes=3, reduce_zero_label=True)
        assert found.facts == {'label maps read': 1, 'classes in them': 2}
        with pytest.raises(UserError, match=r'label 3, .* allows 1 to 2 \(and ignores \[0, 255\]'):
            check([0, 1, 3, 255], classes=2, reduce_zero_label=True)

    def test_a_binary_map_whose_foreground_is_ignored(self, check):
        (note,) = check([0, 255]).notes
        assert 'hold only 0 and 255, which is ignored' in note
        assert check([0, 1, 255]).notes == []
        assert check([0, 0]).notes == []

    def test_labels_of_cityscapes_test_split_are_not_published(self, check):
        options = dict(type='CityscapesDataset')
        with pytest.raises(UserError, match='only ignored pixels'):
            check([255, 255], **options)
        assert check([255, 255], split='test', **options).images == 1

    def test_a_list_of_names_with_spaces(self, check, tmp_path):
        (tmp_path / 'list.txt').write_text('a b\n')
        assert check([0, 1], name='a b', ann_file='list.txt').images == 1
        (tmp_path / 'list.txt').write_text('a b\nc\n')
        with pytest.raises(UserError, match=r'1 of 2 images of train .* absent, first: .*c\.jpg'):
            check([0, 1], name='a b', ann_file='list.txt')

    def test_classes_above_255_would_be_others(self, check):
        with pytest.raises(UserError, match=r'label 258, but .* 8 bits: it would take 2 for it'):
            check([1, 258], classes=300)
        assert check([1, 254], classes=300).facts['classes in them'] == 2

    def test_images_are_turned_and_label_maps_are_not(self, check):
        assert check([[0, 1]] * 6, turned=True).sizes == [(2, 6)]
        with pytest.raises(UserError, match='has 6 x 2 pixels, but its image .* 2 x 6'):
            check([[0, 1, 1, 1, 1, 1]] * 2, turned=True)


def objects(**changed) -> dict:
    """A file of two classes and two images of 64 pixels, with two objects of each class."""
    annotations = [
        dict(
            id=number + 1,
            image_id=number // 2,
            category_id=1 + number % 2,
            bbox=[4 + 8 * number, 4, 10, 20],
            area=200,
            iscrowd=0,
            segmentation=[[4, 4, 14, 4, 14, 24]],
        )
        for number in range(4)
    ]
    images = [dict(id=k, file_name=f'{k}.png', width=64, height=64) for k in range(2)]
    categories = [dict(id=1, name='disk'), dict(id=2, name='box')]
    content = dict(images=images, annotations=annotations, categories=categories)
    for key, change in changed.items():
        for entry in content[key]:
            change(entry)
    return content


class TestObjects:
    @pytest.fixture
    def check(self, tmp_path):
        def run(content, names=('disk', 'box'), masks=True, **options):
            for entry in content['images']:
                path = tmp_path / 'images' / entry['file_name']
                path.parent.mkdir(exist_ok=True)
                Image.new('RGB', (64, 64)).save(path)
            (tmp_path / 'objects.json').write_text(json.dumps(content))
            dataset = dict(
                type='CocoDataset',
                data_root=str(tmp_path),
                ann_file='objects.json',
                data_prefix=dict(img='images/'),
                metainfo=dict(classes=names),
                pipeline=[dict(type='LoadAnnotations', with_bbox=True, with_mask=masks)],
                **options,
            )
            return look(Config(dict(default_scope='mmdet', train_dataloader=dict(dataset=dataset))))

        return run

    def test_all_arrive(self, check):
        found = check(objects())
        assert found.facts['objects'] == 4
        assert found.notes == []

    @pytest.mark.parametrize(
        'change',
        [
            lambda a: a.update(bbox=[v / 64 for v in a['bbox']]),
            lambda a: a.update(area=0),
            lambda a: a.update(bbox=[64, 4, 1, 20]),
        ],
        ids=['fractions', 'no area', 'outside'],
    )
    def test_none_arrives(self, check, change):
        with pytest.raises(UserError, match='none of the 4 objects in .* arrives'):
            check(objects(annotations=change))

    def test_some_are_lost(self, check):
        content = objects()
        content['annotations'][3]['area'] = 0  # of the second class
        content['annotations'][2]['iscrowd'] = 1  # of the first, and meant
        found = check(content)
        assert found.facts['objects'] == 2
        (note,) = found.notes
        assert note.startswith('1 of 3 objects are left out')
        assert note.endswith("1 of 2 of 'box'")

    @pytest.mark.parametrize(
        ('change', 'message'),
        [
            (lambda a: a.update(iscrowd=1), 'no annotations of single objects'),
            (
                lambda a: a.update(bbox=[*a['bbox'][:2], 60 + a['bbox'][0], 80]),
                r'4 of 4 boxes reach beyond .* \(not x1, y1, x2, y2\)',
            ),
            (lambda a: a.update(bbox=[str(v) for v in a['bbox']]), 'no bbox of four numbers'),
            (lambda a: a.update(bbox=[]), 'no bbox of four numbers'),
            (lambda a: a.pop('area'), '4 of 4 annotations have no area; first: number 0'),
            (lambda a: a.pop('id'), 'no id that is a whole number'),
            (lambda a: a.update(id=str(a['id'])), 'no id that is a whole number'),
            (lambda a: a.update(id=a['id'] % 2), 'annotation id more than once'),
            (lambda a: a.update(segmentation=[[4, 4, 14, 4]]), 'three corners and more'),
            (lambda a: a.update(segmentation=[4, 4, 14, 4, 14, 24]), 'three corners and more'),
            (lambda a: a.update(segmentation=[]), 'no segmentation, which training or'),
        ],
    )
    def test_what_nothing_can_be_made_of(self, check, change, message):
        with pytest.raises(UserError, match=message):
            check(objects(annotations=change))

    def test_what_only_an_evaluation_needs(self, check):
        for change, message in (
            (lambda a: a.pop('iscrowd'), 'no iscrowd, which the evaluation needs: write 0'),
            (
                lambda a: a.update(id=a['id'] - 1),
                '1 of 4 annotations have no id above 0, which pycoco',
            ),
        ):
            check(objects(annotations=change))
            with pytest.raises(UserError, match=message):
                check(objects(annotations=change), test_mode=True)

    def test_a_box_beyond_its_image(self, check):
        content = objects()
        content['annotations'][3]['bbox'] = [28, 4, 38, 24]  # corners, taken for width and height
        (note,) = check(content).notes
        assert note.startswith('1 of 4 boxes reach beyond their images')

    def test_boxes_without_masks(self, check):
        content = objects(annotations=lambda a: a.pop('segmentation'))
        assert check(content, masks=False).notes == ['4 objects without a mask (boxes only)']

    def test_sizes_that_are_texts(self, check):
        change = lambda image: image.update(width=str(image['width']))  # noqa: E731
        with pytest.raises(UserError, match=r"of 2 images are no numbers, such as '64' x 64"):
            check(objects(images=change))

    def test_a_category_of_its_supercategorys_name(self, check):
        content = objects()
        content['categories'].insert(0, dict(id=0, name='disk', supercategory='none'))
        with pytest.raises(UserError, match="several categories of the name 'disk': the 3 labels"):
            check(content)

    def test_paths_that_the_loader_opens(self, check, tmp_path):
        for name in ('{}', './{}', '../images/{}', f'{tmp_path}/images/{{}}'):
            change = partial(_rename, name)
            assert check(objects(images=change)).images == 2


def _rename(pattern: str, entry: dict) -> None:
    entry['file_name'] = pattern.format(entry['file_name'])
