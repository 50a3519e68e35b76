"""Pixels of every depth, and images that are too large."""

import struct

import numpy as np
import pytest
from PIL import Image

from mmmask.datasets.image_folder import StrictImageFolder
from mmmask.datasets.load_image import BrokenImageError, LoadImageStrict
from mmmask.pictures import read_image
from mmmask.utils.errors import UserError

GREY = np.arange(0, 65536, 257, dtype=np.uint16).reshape(16, 16)  # 0, 257, ..., 65535
EXPECTED = np.arange(256).reshape(16, 16)  # v / 65535 x 255


def write_tiff(path, bits, photometric, data, width, height):
    """A grey TIFF of one strip: tags by number, all of one value."""
    tags = {256: width, 257: height, 258: bits, 259: 1, 262: photometric, 273: 8, 277: 1}
    tags |= {278: height, 279: len(data)}
    data += b'\0' * (len(data) % 2)
    entries = b''.join(struct.pack('<HHII', tag, 4, 1, value) for tag, value in tags.items())
    head = b'II*\0' + struct.pack('<I', 8 + len(data))
    path.write_bytes(head + data + struct.pack('<H', len(tags)) + entries + b'\0' * 4)


@pytest.mark.parametrize('name', ['deep.png', 'deep.pgm', 'deep.tif'])
@pytest.mark.parametrize('backend', ['pillow', 'cv2'])
def test_sixteen_bits_become_eight(tmp_path, name, backend):
    Image.fromarray(GREY).save(tmp_path / name)
    image = LoadImageStrict(imdecode_backend=backend).decode(str(tmp_path / name))
    assert image.dtype == np.uint8 and np.array_equal(image, np.stack([EXPECTED] * 3, axis=-1))
    grey = LoadImageStrict(color_type='grayscale').decode(str(tmp_path / name))
    assert np.array_equal(grey, EXPECTED)
    assert np.array_equal(read_image(tmp_path / name)[..., 0], EXPECTED)


def test_tiffs_state_their_range_and_which_end_is_white(tmp_path):
    path = tmp_path / 'x.tif'
    read = LoadImageStrict(color_type='grayscale').decode
    values = np.array([0, 1000, 32768, 65535], '<u2').tobytes()
    write_tiff(path, 16, 1, values, 2, 2)
    assert read(str(path)).tolist() == [[0, 4], [128, 255]]  # 1000 x 255 / 65535 = 3.9
    write_tiff(path, 16, 0, values, 2, 2)
    assert read(str(path)).tolist() == [[255, 251], [127, 0]]
    twelve = bytes([0x00, 0x0F, 0xFF, 0x80, 0x00, 0x64])  # 0, 4095; 2048, 100
    write_tiff(path, 12, 1, twelve, 2, 2)
    assert read(str(path)).tolist() == [[0, 255], [128, 6]]


@pytest.mark.parametrize('mode', ['F', 'I'])
def test_pixels_without_a_range_are_refused(tmp_path, mode):
    Image.new(mode, (8, 8), 3).save(tmp_path / 'x.tif')
    message = f'x.tif has pixels of mode {mode}, whose range no file states: convert it'
    dataset = StrictImageFolder(
        str(tmp_path), with_label=False, pipeline=[dict(type='LoadImageFromFile')], skip_broken=True
    )
    with pytest.raises(UserError, match=message) as info:
        dataset[0]  # not skipped: it is whole
    assert not isinstance(info.value, BrokenImageError)
    with pytest.raises(UserError, match=message):
        read_image(tmp_path / 'x.tif')


def test_a_turned_image_is_turned(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned a quarter, clockwise
    Image.fromarray(GREY[:2]).save(tmp_path / 'x.png', exif=exif)
    assert np.array_equal(read_image(tmp_path / 'x.png')[..., 0], np.rot90(EXPECTED[:2], -1))
    assert read_image(tmp_path / 'x.png', oriented=False).shape == (2, 16, 3)


def test_a_large_image_is_refused_and_not_called_broken(tmp_path, monkeypatch):
    monkeypatch.setattr(Image, 'MAX_IMAGE_PIXELS', 100)  # Pillow refuses twice as many
    Image.new('L', (20, 11), 7).save(tmp_path / 'x.png')
    options = dict(with_label=False, pipeline=[dict(type='LoadImageFromFile')], skip_broken=True)
    with pytest.raises(UserError, match='more than 0 million pixels: .* set max_pixels') as info:
        StrictImageFolder(str(tmp_path), **options)[0]
    assert not isinstance(info.value, BrokenImageError)
    with pytest.raises(UserError, match='set max_pixels'):
        StrictImageFolder(str(tmp_path), max_pixels=219, **options)[0]
    image = StrictImageFolder(str(tmp_path), max_pixels=220, **options)[0]['img']
    assert image.shape == (11, 20, 3)
