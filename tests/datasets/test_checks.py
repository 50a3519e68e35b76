"""Every mistake in the data gets one line that says what is wrong."""

import json

import numpy as np
import pytest
from PIL import Image

from mmmask.datasets.checks import (
    check_class_folders,
    check_coco_content,
    check_folder,
    check_label_map,
    check_num_classes,
    read_coco,
)
from mmmask.utils.errors import UserError


def touch(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b'x')


def one_line(info):
    return '\n' not in str(info.value)


class TestFolder:
    def test_missing(self, tmp_path):
        with pytest.raises(UserError, match='folder of training images does not exist') as info:
            check_folder(tmp_path / 'lost', 'training images')
        assert one_line(info) and 'lost' in str(info.value)

    def test_embedded_data_missing_says_how_to_make_it(self):
        with pytest.raises(UserError, match=r'run mmmask prepare-demo'):
            check_folder('no/material_scenes/cls')

    def test_empty(self, tmp_path):
        with pytest.raises(UserError, match='it is empty'):
            check_folder(tmp_path)

    def test_a_file(self, tmp_path):
        touch(tmp_path / 'x.jpg')
        with pytest.raises(UserError, match='this is a file'):
            check_folder(tmp_path / 'x.jpg')

    def test_no_images(self, tmp_path):
        touch(tmp_path / 'a' / 'x.txt')
        touch(tmp_path / '.hidden.jpg')
        with pytest.raises(UserError, match='found 2 other entries'):
            check_folder(tmp_path)

    def test_images_at_any_depth(self, tmp_path):
        touch(tmp_path / 'a' / 'b' / 'x.JPEG')
        check_folder(str(tmp_path))


class TestClassFolders:
    def test_right(self, tmp_path):
        for name in ('b', 'a'):
            touch(tmp_path / name / 'x.png')
        check_class_folders(tmp_path, 2)
        check_class_folders(tmp_path)

    def test_flat(self, tmp_path):
        touch(tmp_path / 'x.png')
        with pytest.raises(UserError, match=r'no sub-folders.*with_label=False'):
            check_class_folders(tmp_path)

    def test_an_empty_class(self, tmp_path):
        touch(tmp_path / 'a' / 'x.png')
        (tmp_path / 'b').mkdir()
        with pytest.raises(UserError, match=r'1 class folders.*first: b'):
            check_class_folders(tmp_path)

    def test_another_number(self, tmp_path):
        touch(tmp_path / 'a' / 'x.png')
        with pytest.raises(
            UserError, match=r'1 class folders \(a\), but the model has 1000 classes'
        ):
            check_class_folders(tmp_path, 1000)


def test_num_classes():
    check_num_classes(('a', 'b'), 2)
    with pytest.raises(UserError, match='num_classes=3, but the data set names 2'):
        check_num_classes(('a', 'b'), 3)


def check_coco_classes(ann_file, class_names, num_classes, allow_subset=False):
    """Check a detector's head, its data set and the file against each other."""
    check_num_classes(class_names, num_classes)
    check_coco_content(read_coco(ann_file), ann_file, class_names, allow_subset)


class TestCoco:
    @pytest.fixture
    def ann_file(self, tmp_path):
        path = tmp_path / 'ann.json'
        categories = [{'id': 1, 'name': 'cat'}, {'id': 7, 'name': 'dog'}]
        annotations = [{'category_id': 7}]
        path.write_text(json.dumps({'categories': categories, 'annotations': annotations}))
        return path

    def test_right(self, ann_file):
        check_coco_classes(str(ann_file), ['dog', 'cat'], 2)

    @pytest.mark.parametrize(
        'names, number, message',
        [
            (('cat', 'dog'), 80, 'num_classes=80, but the data set names 2'),
            (('cat', 'horse'), 2, "no category 'horse'"),
            (('cat', 'dog', 'horse'), 3, "no category 'horse'"),
            (('cat',), 1, "2 categories, but metainfo.classes names 1: 'dog' is left out"),
        ],
    )
    def test_wrong_classes(self, ann_file, names, number, message):
        with pytest.raises(UserError, match=message) as info:
            check_coco_classes(ann_file, names, number)
        assert one_line(info)

    def test_a_subset_on_purpose(self, ann_file):
        check_coco_classes(ann_file, ('cat',), 1, allow_subset=True)

    def test_missing_file(self, tmp_path):
        with pytest.raises(UserError, match='annotation file does not exist'):
            check_coco_classes(tmp_path / 'x.json', ('cat',), 1)

    @pytest.mark.parametrize('text', ['{"categories": [', '[]', '{"images": []}'])
    def test_not_coco(self, tmp_path, text):
        path = tmp_path / 'x.json'
        path.write_text(text)
        with pytest.raises(UserError, match='not a COCO instances json'):
            check_coco_classes(path, ('cat',), 1)

    def test_annotations_of_unnamed_categories(self, ann_file):
        coco = json.loads(ann_file.read_text())
        coco['annotations'].append({'category_id': 3})
        ann_file.write_text(json.dumps(coco))
        with pytest.raises(UserError, match=r'ids it does not name: \[3\]'):
            check_coco_classes(ann_file, ('cat', 'dog'), 2)

    def test_no_annotations(self, ann_file):
        coco = json.loads(ann_file.read_text())
        ann_file.write_text(json.dumps({**coco, 'annotations': []}))
        with pytest.raises(UserError, match='holds no annotations'):
            check_coco_classes(ann_file, ('cat', 'dog'), 2)


class TestLabelMap:
    def save(self, path, *values):
        Image.fromarray(np.array([values], np.uint8)).save(path)
        return path

    def test_ade_style(self, tmp_path):
        path = self.save(tmp_path / 'a.png', 0, 1, 3, 255)
        assert check_label_map(path, 3, reduce_zero_label=True) == ({1, 3}, {0, 255})
        with pytest.raises(UserError, match=r'a\.png has label 3, but num_classes=2 allows 1 to 2'):
            check_label_map(path, 2, reduce_zero_label=True)

    def test_city_style(self, tmp_path):
        path = self.save(tmp_path / 'a.png', 0, 2, 255)
        assert check_label_map(path, 3, reduce_zero_label=False) == ({0, 2}, {255})
        with pytest.raises(UserError, match='allows 0 to 1'):
            check_label_map(path, 2, reduce_zero_label=False)

    def test_another_ignored_value(self, tmp_path):
        path = self.save(tmp_path / 'a.png', 0, 7)
        assert check_label_map(path, 2, False, ignore_index=7) == ({0}, {7})
        with pytest.raises(UserError, match=r'has label 7, .*ignores \[255\]'):
            check_label_map(path, 2, False)

    def test_an_image_instead_of_a_map(self, tmp_path):
        Image.new('RGB', (2, 2)).save(tmp_path / 'a.png')
        with pytest.raises(UserError, match=r'a\.png is no label map: it has 3 channels'):
            check_label_map(tmp_path / 'a.png', 3, reduce_zero_label=True)

    def test_broken(self, tmp_path):
        (tmp_path / 'a.png').write_bytes(b'no png')
        with pytest.raises(UserError, match=r'a\.png is not a readable label map'):
            check_label_map(tmp_path / 'a.png', 3, reduce_zero_label=True)
