"""Coverage of patches by objects, against rectangles whose areas are known."""

import json

import numpy as np
import pytest

from mmmask.analysis.object_patches import ObjectPatches, patch_coverage
from mmmask.utils.errors import UserError


def test_a_rectangle_over_known_patches():
    mask = np.zeros((32, 32), bool)
    mask[8:16, 4:20] = True  # the second row of patches: half of one, a whole one, half of one
    expected = np.zeros((4, 4))
    expected[1] = [0.5, 1, 0.5, 0]
    np.testing.assert_allclose(patch_coverage(mask, (4, 4)), expected, atol=1e-12)


def test_patches_may_cut_through_pixels():
    # 3 pixels as 2 patches: the middle row and column belong to both by halves.
    mask = np.array([[True, False, False], [False, True, False], [False, False, False]])
    corner, middle = 1 / 2.25, 0.25 / 2.25
    expected = [[corner + middle, middle], [middle, middle]]
    np.testing.assert_allclose(patch_coverage(mask, (2, 2)), expected, atol=1e-12)


@pytest.mark.parametrize('shape, grid', [((7, 5), (3, 4)), ((10, 13), (16, 16)), ((9, 9), (1, 1))])
def test_no_area_is_lost(shape, grid):
    mask = np.random.default_rng(0).random(shape) < 0.4
    covered = patch_coverage(mask, grid)
    assert covered.shape == grid and covered.min() >= 0 and covered.max() <= 1 + 1e-12
    assert covered.mean() == pytest.approx(mask.mean(), abs=1e-12)


def test_objects_of_a_file(scenes):
    images = list(ObjectPatches(*scenes, size=32, grid=(4, 4)))
    assert [image.shape for image, _ in images] == [(32, 32, 3)] * 3
    union = np.zeros((4, 4))
    union[0, :2], union[1, 1] = 1, 1  # what overlaps counts once
    np.testing.assert_allclose(images[0][1], union, atol=1e-12)
    small = np.zeros((4, 4))
    small[2, 2] = 16 / 64  # the crowd, which is everywhere, doesn't count
    np.testing.assert_allclose(images[1][1], small, atol=1e-12)
    np.testing.assert_allclose(images[2][1], [[0, 0, 1, 1]] * 4, atol=1e-12)  # squeezed


def test_objects_of_the_image_s_label(scenes, tmp_path):
    """GPA, Section 3.4: "we manually annotate the corresponding patches based on its label"."""
    path, folder = scenes
    content = json.loads(path.read_text())
    content['categories'] = [dict(id=1, name='cat'), dict(id=2, name='dog')]
    for item, category in zip(content['annotations'], (1, 2, 1, 1, 1), strict=True):
        item['category_id'] = category
    for image, label in zip(content['images'], ('dog', 'dog', 'cat'), strict=True):
        (folder / label).mkdir(exist_ok=True)
        name = f'{label}/{image["file_name"]}'
        (folder / image['file_name']).rename(folder / name)
        image['file_name'] = name
    path.write_text(json.dumps(content))
    images = ObjectPatches(path, folder, 32, (4, 4), labelled=True)
    assert images.ids == [1, 3]  # of image 2, a dog, only cats are outlined
    dog = np.zeros((4, 4))
    dog[:2, 1] = 1  # not the cat, which also covers the first patch
    (_, first), (_, second) = images
    np.testing.assert_allclose(first, dog, atol=1e-12)
    np.testing.assert_allclose(second, [[0, 0, 1, 1]] * 4, atol=1e-12)
    assert ObjectPatches(path, folder, 32, (4, 4)).ids == [1, 2, 3]
    content['categories'] = [dict(id=1, name='n01'), dict(id=2, name='n02')]
    path.write_text(json.dumps(content))
    with pytest.raises(UserError, match="is of its image's label: an image's folder must"):
        ObjectPatches(path, folder, 32, (4, 4), labelled=True)


def test_few_shots(scenes):
    chosen = [ObjectPatches(*scenes, 32, (4, 4), limit=2, seed=seed).ids for seed in range(20)]
    assert {tuple(ids) for ids in chosen} == {(1, 2), (1, 3), (2, 3)}
    assert chosen[0] == ObjectPatches(*scenes, 32, (4, 4), limit=2, seed=0).ids
    assert ObjectPatches(*scenes, 32, (4, 4), limit=2).ids == [1, 3]
    assert ObjectPatches(*scenes, 32, (4, 4), limit=9, seed=0).ids == [1, 2, 3]


def test_what_is_wrong_is_said(scenes, tmp_path):
    path, folder = scenes

    def message(annotations=path, images=folder):
        with pytest.raises(UserError) as caught:
            list(ObjectPatches(annotations, images, 32, (4, 4)))
        assert '\n' not in str(caught.value)
        return str(caught.value)

    assert "--annotations: there is no file 'none.json'" in message('none.json')
    assert "--images: there is no folder 'none'" in message(images='none')
    broken = tmp_path / 'broken.json'
    for text in ('{', '[]', '{"images": []}', '{"images": [{"id": 1}]}'):
        broken.write_text(text)
        assert "isn't in COCO's format" in message(broken)
    content = json.loads(path.read_text())
    crowds = [item for item in content['annotations'] if item['iscrowd']]
    broken.write_text(json.dumps({**content, 'annotations': crowds}))
    assert 'has no object with a mask' in message(broken)
    del content['images'][2]
    broken.write_text(json.dumps(content))
    assert "annotates image 3, which it doesn't list" in message(broken)
    original = (folder / '1.png').read_bytes()
    (folder / '1.png').write_bytes(b'nothing')
    assert "1.png' can't be read as an image" in message()
    (folder / '1.png').write_bytes((folder / '3.png').read_bytes())
    assert 'has (32, 64) pixels, its annotations (32, 32)' in message()
    (folder / '1.png').write_bytes(original)
    (folder / '2.png').unlink()
    assert "'2.png' of '" in message() and "isn't in '" in message()
