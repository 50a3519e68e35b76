"""Pixels of every depth, and images that are too large."""

import struct

import numpy as np
import pytest
from PIL import Image, ImageOps
from skimage import data

from mmmask.datasets.image_folder import StrictImageFolder
from mmmask.datasets.load_image import BrokenImageError, LoadImageStrict
from mmmask.datasets.transforms import pixels
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


def jpeg(size, folder, **options):
    """A textured photograph as a JPEG file, enlarged to so many pixels."""
    path = folder / 'x.jpg'
    photograph = Image.fromarray(data.astronaut()).resize(size, Image.Resampling.BICUBIC)
    photograph.save(path, quality=92, **options)
    return path


@pytest.mark.parametrize('orientation', range(1, 9))
def test_a_whole_jpeg_has_pillows_values(tmp_path, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = jpeg((75, 50), tmp_path, exif=exif)
    by_pillow = np.asarray(ImageOps.exif_transpose(Image.open(path)))[..., ::-1]
    assert np.array_equal(LoadImageStrict().decode(str(path)), by_pillow)
    path.write_bytes(path.read_bytes() + b'more')  # Pillow decodes what has another end
    assert np.array_equal(LoadImageStrict().decode(str(path)), by_pillow)


@pytest.mark.parametrize('lost', [2, 500])
def test_a_jpeg_that_is_cut_off_is_broken(tmp_path, lost):
    path = jpeg((75, 50), tmp_path)
    path.write_bytes(path.read_bytes()[:-lost])
    with pytest.raises(BrokenImageError, match='truncated'):
        LoadImageStrict().decode(str(path))


@pytest.mark.parametrize(
    'views, scale',
    [
        (dict(type='ResizedCrop', scale=32, crop_ratio_range=(0.25, 1.0)), 2),
        (dict(type='MultiCrop', global_size=32, local_size=8), 2),
        (dict(type='MultiCrop', global_size=32, local_size=24), 1),
    ],
)
def test_jpegs_are_reduced_where_every_crop_allows_it(tmp_path, views, scale):
    # A box of a quarter of 512 x 400 is sqrt(51200 x 3 / 4) = 196 = 2 x 3.1 x 32 wide at least, one
    # of a twentieth 87.6 = 2 x 5.5 x 8 = 2 x 1.8 x 24.
    jpeg((512, 400), tmp_path)
    pipeline = [dict(type='LoadImageFromFile'), views]
    folder = StrictImageFolder(
        str(tmp_path), with_label=False, reduce_jpegs=True, pipeline=pipeline
    )
    image = folder.pipeline.transforms[0](folder.get_data_info(0))['img']
    assert image.shape == (400 // scale, 512 // scale, 3)


def test_a_reduced_crop_differs_little(tmp_path):
    path = jpeg((512, 512), tmp_path)
    reader = LoadImageStrict()
    full = pixels.crop_and_resize(reader.decode(str(path)), (64, 128, 320, 384), (64, 64))
    reader.reduction = lambda height, width: 2
    half = pixels.crop_and_resize(reader.decode(str(path)), (32, 64, 160, 192), (64, 64))
    difference = np.abs(full.astype(int) - half)
    assert difference.mean() <= 1.4 and difference.max() <= 13


def test_reducing_needs_views(tmp_path):
    jpeg((64, 64), tmp_path)
    with pytest.raises(UserError, match='reduce_jpegs needs MultiCrop or ResizedCrop'):
        StrictImageFolder(
            str(tmp_path),
            with_label=False,
            reduce_jpegs=True,
            pipeline=[dict(type='LoadImageFromFile'), dict(type='RandomFlip', prob=0.5)],
        )


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
