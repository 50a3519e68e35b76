"""Find and read the images that are shown."""

import tarfile

import numpy as np
import pytest
from PIL import Image

from mmmask.pictures import find_images, pick_images, read_square
from mmmask.utils.errors import UserError


def test_images_are_spread_evenly(tmp_path):
    for i in range(9):
        (tmp_path / f'{i}.jpg').write_bytes(b'')
    assert [p.stem for p in pick_images(tmp_path, '*.jpg', 3)] == ['0', '4', '8']
    assert len(pick_images(tmp_path, '*.jpg', 20)) == 9
    with pytest.raises(UserError, match='no image matches'):
        pick_images(tmp_path, '*.png', 3)


def test_the_central_square(tmp_path):
    image = np.zeros((4, 8, 3), np.uint8)
    image[:, 2:6] = (10, 20, 30)
    Image.fromarray(image).save(tmp_path / 'a.png')
    assert (read_square(tmp_path / 'a.png', 4) == (10, 20, 30)).all()


def test_images_in_a_tar_and_in_its_place(tmp_path, monkeypatch):
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path / 'cache'))
    Image.new('RGB', (4, 4), (10, 20, 30)).save(tmp_path / 'x.png')
    with tarfile.open(tmp_path / 'train.tar', 'w') as file:
        for name in ('b/0.png', 'a/1.png', 'a/0.png'):
            file.add(tmp_path / 'x.png', name)
    inside = [tmp_path / 'train.tar' / name for name in ('a/0.png', 'a/1.png', 'b/0.png')]
    for name in ('train.tar', 'train'):
        assert find_images([str(tmp_path / name)]) == inside
    assert find_images([str(tmp_path / 'train.tar/a'), str(inside[0])]) == inside[:2]
    assert (read_square(inside[2], 4) == (10, 20, 30)).all()
    with pytest.raises(UserError, match='there is no .*lost'):
        find_images([str(tmp_path / 'train.tar/lost')])
