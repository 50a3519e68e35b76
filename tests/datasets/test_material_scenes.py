"""The data set on disk: counts, formats, repeatability."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pycocotools.coco import COCO
from pycocotools.mask import decode

from mmmask.datasets.material_scenes import prepare
from mmmask.datasets.materials import MATERIALS, SCENE_MATERIALS
from mmmask.datasets.scenes import compose_scene
from mmmask.datasets.spec import MaterialScenesSpec
from mmmask.datasets.writers import mask_fields

SPEC = MaterialScenesSpec(
    cls_train=3, cls_val=2, cls_size=16, scenes_train=5, scenes_val=4, scene_size=32
)


@pytest.fixture(scope='module')
def made(tmp_path_factory):
    out = tmp_path_factory.mktemp('made')
    summary = prepare(out, SPEC, seed=5)
    return out, summary


@pytest.fixture
def copy(made, tmp_path):
    return Path(shutil.copytree(made[0], tmp_path / 'copy'))


def contents(root):
    return {
        path.relative_to(root).as_posix(): path.read_bytes()
        for path in sorted(root.rglob('*'))
        if path.is_file()
    }


def test_exact_counts(made):
    out, summary = made
    assert summary == {
        'cls': {'files': 60, 'written': 60},  # 12 classes x (3 + 2)
        'det': {'files': 11, 'written': 11},  # 5 + 4 images, 2 annotation files
        'seg': {'files': 18, 'written': 18},  # (5 + 4) x (image + label map)
    }
    assert len(list(out.rglob('*.jpg'))) == 60 + 9 + 9
    for split, count in (('train', 3), ('val', 2)):
        assert sorted(path.name for path in (out / 'cls' / split).iterdir()) == list(MATERIALS)
        for material in MATERIALS:
            assert len(list((out / 'cls' / split / material).glob('*.jpg'))) == count
    assert len(list((out / 'det/train').iterdir())) == 5
    assert len(list((out / 'seg/annotations/val').iterdir())) == 4


def test_the_same_specification_and_seed_give_the_same_bytes(made, tmp_path):
    prepare(tmp_path, SPEC, seed=5)
    assert contents(tmp_path) == contents(made[0])


def test_another_seed_gives_other_images(made, tmp_path):
    prepare(tmp_path, SPEC, seed=6)
    ours, theirs = contents(tmp_path), contents(made[0])
    assert all(ours[name] != theirs[name] for name in ours if name.endswith('.jpg'))


def test_a_larger_set_keeps_the_images_of_a_smaller_one(made, copy):
    larger = MaterialScenesSpec(
        cls_train=4, cls_val=2, cls_size=16, scenes_train=6, scenes_val=4, scene_size=32
    )
    summary = prepare(copy, larger, seed=5)
    assert summary['cls'] == {'files': 72, 'written': 12}
    assert summary['seg'] == {'files': 20, 'written': 2}
    before, after = contents(made[0]), contents(copy)
    images = [name for name in before if name.endswith(('.jpg', '.png'))]
    assert all(after[name] == before[name] for name in images)


def test_another_light_does_not_move_the_label_maps(made, tmp_path):
    brighter = MaterialScenesSpec(
        scenes_train=5, scenes_val=4, scene_size=32, brightness=(0.6, 0.7)
    )
    prepare(tmp_path, brighter, seed=5, trees=('seg',))
    ours, theirs = contents(tmp_path), contents(made[0])
    maps = [name for name in ours if name.endswith('.png')]
    assert len(maps) == 9 and all(ours[name] == theirs[name] for name in maps)


def test_only_what_is_wrong_is_rebuilt(made, copy):
    (copy / 'cls/val/fur/00001.jpg').write_bytes(b'broken')
    (copy / 'det/annotations/instances_val.json').unlink()
    summary = prepare(copy, SPEC, seed=5)
    assert {tree: s['written'] for tree, s in summary.items()} == {'cls': 1, 'det': 1, 'seg': 0}
    assert contents(copy) == contents(made[0])


def test_a_changed_specification_rebuilds_the_trees_that_it_touches(copy):
    grainier = MaterialScenesSpec(
        cls_train=3, cls_val=2, cls_size=16, scenes_train=5, scenes_val=4, scene_size=32,
        zoom=(0.5, 0.5),
    )  # fmt: skip
    summary = prepare(copy, grainier, seed=5)
    assert {tree: s['written'] for tree, s in summary.items()} == {'cls': 60, 'det': 0, 'seg': 0}


def test_detection_and_segmentation_show_the_same_scenes(made):
    seg, det = contents(made[0] / 'seg/images'), contents(made[0] / 'det')
    assert all(det[name] == content for name, content in seg.items())


def test_mask_fields_by_hand():
    mask = np.zeros((4, 6), bool)
    mask[1, 2:5] = mask[2, 4] = True
    fields = mask_fields(mask)
    assert fields['bbox'] == [2, 1, 3, 2] and fields['area'] == 4
    np.testing.assert_array_equal(decode(fields['segmentation']), mask)


@pytest.mark.parametrize('split, count', [('train', 5), ('val', 4)])
def test_coco_reads_the_masks_back_exactly(made, split, count, capsys):
    coco = COCO(made[0] / f'det/annotations/instances_{split}.json')
    assert len(coco.imgs) == count
    assert [c['name'] for c in coco.loadCats(coco.getCatIds())] == list(SCENE_MATERIALS)
    for image_id, image in coco.imgs.items():
        scene = compose_scene(split, int(image['file_name'][:-4]), SPEC, seed=5)
        annotations = coco.loadAnns(coco.getAnnIds(image_id))
        assert [a['category_id'] - 1 for a in annotations] == list(scene.labels)
        for annotation, mask in zip(annotations, scene.masks, strict=True):
            np.testing.assert_array_equal(coco.annToMask(annotation), mask)
            rows, columns = np.nonzero(mask)
            x, y, w, h = annotation['bbox']
            assert (x, y) == (columns.min(), rows.min())
            assert (x + w - 1, y + h - 1) == (columns.max(), rows.max())
            assert annotation['area'] == mask.sum() and annotation['iscrowd'] == 0


def test_label_maps_agree_with_the_instances(made):
    values = set()
    coco = json.loads((made[0] / 'det/annotations/instances_train.json').read_text())
    for index in range(5):
        labels = np.asarray(Image.open(made[0] / f'seg/annotations/train/{index:05d}.png'))
        assert labels.dtype == np.uint8 and labels.shape == (32, 32)
        rest = np.ones_like(labels, bool)
        for annotation in coco['annotations']:
            if annotation['image_id'] == index + 1:
                mask = decode(annotation['segmentation']).astype(bool)
                assert (labels[mask] == annotation['category_id']).all()
                rest &= ~mask
        assert len(np.unique(labels[rest])) == 1  # one background
        values |= set(np.unique(labels).tolist())
    assert values <= set(range(13))
