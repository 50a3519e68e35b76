"""Oxford Flowers-102: images in one folder, labels and splits in MATLAB files."""

from __future__ import annotations

from pathlib import Path

from mmmask.datasets.layouts.scan import Found, Scan, open_images, require_files
from mmmask.utils.errors import UserError

TREE = """
<data_root>/
  jpg/image_00001.jpg ... image_08189.jpg
  imagelabels.mat      labels: 1 to 102 of each image
  setid.mat            trnid, valid, tstid: numbers of 1020, 1020 and 6149 images
"""

KEYS = {'train': ('trnid',), 'val': ('valid',), 'trainval': ('trnid', 'valid'), 'test': ('tstid',)}
PUBLISHED = {'train': 1_020, 'val': 1_020, 'trainval': 2_040, 'test': 6_149}
NUM_CLASSES = 102


def check_flowers(root: Path, split: str, scan: Scan) -> Found:
    """One split of Flowers-102.

    Raises:
        UserError: A MATLAB file is missing or another one, a label is out of range, a class has no
            image, images are absent or broken.
    """
    labels = _read(root / 'imagelabels.mat', ('labels',))
    numbers = _read(root / 'setid.mat', KEYS[split])
    strange = [label for label in labels if not 1 <= label <= NUM_CLASSES]
    if strange:
        raise UserError(f'{root / "imagelabels.mat"} has label {strange[0]}, not 1 to 102')
    beyond = [number for number in numbers if not 1 <= number <= len(labels)]
    if beyond:
        raise UserError(
            f'{root / "setid.mat"} names image {beyond[0]}, but imagelabels.mat has {len(labels)} '
            'labels'
        )
    used = {labels[number - 1] for number in numbers}
    if len(used) != NUM_CLASSES:
        absent = min(set(range(1, NUM_CLASSES + 1)) - used)
        raise UserError(
            f'{root}: the split {split} has images of {len(used)} of 102 classes: label {absent} '
            'has none'
        )
    files = [root / 'jpg' / f'image_{number:05d}.jpg' for number in numbers]
    require_files(files, root / 'setid.mat', scan)
    found = Found(len(files), PUBLISHED[split], dict(classes=len(used)))
    found.sizes = open_images(files, scan)
    return found


def _read(path: Path, keys: tuple[str, ...]) -> list[int]:
    """The numbers under ``keys``, one after another."""
    import mat4py

    if not path.is_file():
        raise UserError(f'the annotation file does not exist: {path}')
    try:
        content = mat4py.loadmat(str(path))
        return [int(value) for key in keys for value in content[key]]
    except KeyError as error:
        raise UserError(f'{path} has no {error}: is it the published file?') from error
    except Exception as error:  # mat4py raises ParseError, struct.error, zlib.error, ...
        raise UserError(f'{path} is not a readable MATLAB file ({error})') from error
