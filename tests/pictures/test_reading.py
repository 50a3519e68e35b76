"""Find and read the images that are shown."""

import numpy as np
import pytest
from PIL import Image

from mmmask.pictures import pick_images, read_square
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
