"""Read DAVIS 2017: sequences of frames, and the number of an object at each pixel."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
from mmengine.dataset import BaseDataset
from mmpretrain.registry import DATASETS
from PIL import Image

from mmmask.utils.errors import UserError, explained
from mmmask.utils.files import read_lines

VOID = 255
"""Number of pixels that belong to no object and are not counted as one."""


@DATASETS.register_module()
class DAVIS2017(BaseDataset):
    """List the sequences of one split, as the published archive unpacks them.

    The folder holds::

        JPEGImages/480p/<sequence>/00000.jpg      frames
        Annotations/480p/<sequence>/00000.png     palette images: 0 = background, 1, 2, ... objects
        ImageSets/2017/val.txt                    names of the sequences

    An item is a dict of ``name``, ``frames`` and ``masks`` (paths in the order of time).

    Args:
        data_root: The folder.
        split: ``'val'`` (30 sequences) or ``'train'`` (60).
        resolution: ``'480p'``, or the name of another folder below ``JPEGImages``.
        **kwargs: As mmengine's ``BaseDataset``.

    Raises:
        UserError: If the list, a sequence or a mask is missing, or a sequence has under 3 frames.
    """

    def __init__(
        self, data_root: str, split: str = 'val', resolution: str = '480p', **kwargs: Any
    ) -> None:
        self.resolution = resolution
        super().__init__(data_root=data_root, ann_file=f'ImageSets/2017/{split}.txt', **kwargs)

    def load_data_list(self) -> list[dict]:
        """Return the paths of each sequence, in the order of the list."""
        with explained('the list of the sequences of DAVIS 2017 cannot be read'):
            names = read_lines(self.ann_file)
        if not names:
            raise UserError(f'{self.ann_file} names no sequences')
        return [self._sequence(name) for name in names]

    def _sequence(self, name: str) -> dict:
        images, masks = (
            Path(self.data_root, kind, self.resolution, name)
            for kind in ('JPEGImages', 'Annotations')
        )
        frames = sorted(images.glob('*.jpg'))
        if len(frames) < 3:
            raise UserError(
                f'{images} has {len(frames)} frames, but the evaluation needs 3, because it leaves '
                'the first and the last out: unpack DAVIS-2017-trainval-480p.zip, and let '
                'data_root be its folder DAVIS'
            )
        paths = [masks / f'{frame.stem}.png' for frame in frames]
        if absent := [path for path in paths if not path.is_file()]:
            raise UserError(
                f'{len(absent)} of {len(paths)} masks of the sequence {name} are missing, first: '
                f'{absent[0]}'
            )
        return dict(name=name, frames=list(map(str, frames)), masks=list(map(str, paths)))


def read_objects(path: str | Path) -> np.ndarray:
    """Return the number of the object at each pixel, (H, W) uint8; 0 is no object.

    Pixels of :data:`VOID` count as no object, as in the official evaluation.

    Raises:
        UserError: If the file can't be read, or holds colours.
    """
    with explained(f'{path} cannot be read'), Image.open(path) as image:
        if image.mode not in ('P', 'L'):
            raise UserError(
                f'{path} holds colours ({image.mode}), not numbers of objects: DAVIS has palette '
                'images in Annotations'
            )
        objects = np.array(image)
    objects[objects == VOID] = 0
    return objects


def write_palette_png(objects: np.ndarray, file: Path | io.BytesIO) -> None:
    """Write numbers of objects, (H, W) uint8, as a palette image (PNG) in the colours of DAVIS."""
    image = Image.fromarray(objects)
    image.putpalette(davis_palette().tobytes())
    image.save(file, 'PNG')


def davis_palette() -> np.ndarray:
    """Return the colour of each number, (256, 3) uint8: Pascal VOC's, which DAVIS takes.

    The bits of a number are dealt to red, green and blue in turn, and fill them from above.
    """
    numbers = np.arange(256)
    colours = np.zeros((256, 3), np.uint8)
    for bit in range(8):
        colours[:, bit % 3] |= ((numbers >> bit & 1) << (7 - bit // 3)).astype(np.uint8)
    return colours
