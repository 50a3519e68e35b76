"""Pictures of features: what they show, and not how they look."""

import os
import subprocess
import sys

import numpy as np
import pytest

from mmmask.pictures.feature_maps import draw_confusion, draw_plane, patch_colours, plane
from mmmask.pictures.ranking import JUNK, RIGHT, WRONG, Ranked, ranking_row
from mmmask.utils.errors import UserError


def test_equal_patches_of_two_images_have_equal_colours():
    generator = np.random.default_rng(0)
    first, second = generator.normal(size=(2, 9, 6))
    second[4] = first[2]
    colours = patch_colours(np.stack([first, second]))
    assert colours.shape == (2, 9, 3) and colours.min() >= 0 and colours.max() <= 1
    np.testing.assert_allclose(colours[1, 4], colours[0, 2], atol=1e-12)


def test_one_direction_gives_one_colour_axis():
    patches = np.zeros((1, 101, 4))
    patches[0, :, 1] = np.arange(101)  # percentiles 1 and 99 are the values 1 and 99
    colours = patch_colours(patches)[0]
    rising = colours[:, 0] if colours[0, 0] < 0.5 else 1 - colours[:, 0]
    np.testing.assert_allclose(rising, np.clip((np.arange(101) - 1) / 98, 0, 1), atol=1e-9)
    assert patch_colours(np.ones((1, 4, 2))).tolist() == [[[0.5] * 3] * 4]


def test_the_plane_of_two_opposite_groups():
    features = np.array([[1.0, 0], [5, 0], [-1, 0], [-3, 0], [0, 2], [0, -1]])
    points, names = plane(features)
    np.testing.assert_allclose(points[0], points[1], atol=1e-12)  # lengths don't matter
    np.testing.assert_allclose(np.abs(points[0] - points[2]), [2, 0], atol=1e-12)
    # Of unit vectors, 4 of 6 vary along the first axis and 2 along the second.
    assert names == ['component 1 (67%)', 'component 2 (33%)']
    with pytest.raises(UserError, match='method must be'):
        plane(features, 'tsne')


def test_umap_is_an_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, 'umap', None)
    with pytest.raises(UserError, match=r"UMAP isn't installed: pip install 'mmmask\[umap\]'"):
        plane(np.eye(4), 'umap')


@pytest.mark.slow
def test_umap_keeps_two_groups_apart():
    program = """
import numpy as np
from mmmask.pictures.feature_maps import plane
spread = 0.05 * np.random.default_rng(0).normal(size=(30, 8))
points, names = plane(np.repeat(np.eye(2, 8), 15, axis=0) + spread, 'umap')
assert names == ['UMAP 1', 'UMAP 2'] and points.shape == (30, 2)
between = np.linalg.norm(points[:15, None] - points[15:], axis=-1).min()
assert between > max(np.ptp(group, axis=0).max() for group in (points[:15], points[15:]))
"""
    # In a process of its own, where numba compiles nothing: that takes longer than the groups.
    subprocess.run(
        [sys.executable, '-c', program], env={**os.environ, 'NUMBA_DISABLE_JIT': '1'}, check=True
    )


def test_charts_have_colours():
    points, labels = np.random.default_rng(0).normal(size=(30, 2)), np.arange(30) % 3
    drawn = draw_plane(points, ['a', 'b'], labels, ['x', 'y', 'z'])
    assert drawn.dtype == np.uint8 and drawn.ndim == 3 and drawn.std() > 5
    drawn = draw_confusion(np.array([[3, 1], [0, 0]]), ['x', 'y'])  # no image of a class
    assert drawn.dtype == np.uint8 and drawn.std() > 5


def test_frames_tell_right_from_wrong():
    image = np.full((96, 96, 3), 7, np.uint8)
    found = [Ranked(image, f'{right}', right) for right in (True, False, None)]
    row = ranking_row(image, 'query', 'cat', found)
    corners = [tuple(cell.image[0, 0]) for cell in row.cells]
    assert corners == [(255, 255, 255), RIGHT, WRONG, JUNK]
    assert [cell.caption for cell in row.cells] == ['cat', 'True', 'False', 'None']
    assert all((cell.image[5:-5, 5:-5] == 7).all() for cell in row.cells)
