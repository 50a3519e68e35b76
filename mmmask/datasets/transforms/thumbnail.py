"""Shrink images of any shape for retrieval."""

from __future__ import annotations

import numpy as np
import torch
from mmcv.transforms import BaseTransform
from mmpretrain.registry import TRANSFORMS
from PIL import Image
from torch.nn import functional as F

from mmmask.utils.errors import UserError


@TRANSFORMS.register_module()
class Thumbnail(BaseTransform):
    """Shrink an image to fit a square, as DINO's retrieval on Oxford and Paris does.

    1. A ``box`` (left, top, right, bottom) is cut out where the data set gives one.
    2. Pillow's thumbnail (Lanczos): the long side is at most ``size``; nothing is enlarged.
    3. For multi-scale features the thumbnail is rescaled by ``scale``, bilinear and not
       antialiased. DINO does so on normalised images; the order changes nothing, as values stay
       float32.
    4. The right and lower rests that fill no patch are cut off, as DINO's patch embedding does.
       (mmpretrain's pads them.)

    **Modified keys:** ``img``, (H, W, 3), uint8 where ``scale`` is 1, else float32; ``img_shape``.

    Args:
        size: Side of the square, in pixels.
        scale: Factor behind the thumbnail.
        multiple_of: Patch size; 1 cuts nothing off.
    """

    def __init__(self, size: int, scale: float = 1.0, multiple_of: int = 1) -> None:
        self.size, self.scale, self.multiple_of = size, scale, multiple_of

    def transform(self, results: dict) -> dict:
        """Replace the image."""
        picture = Image.fromarray(results['img'])
        if results.get('box') is not None:
            picture = picture.crop(tuple(results['box']))
        picture.thumbnail((self.size, self.size), Image.Resampling.LANCZOS)
        image = np.array(picture)
        if self.scale != 1:
            maps = torch.from_numpy(image).permute(2, 0, 1)[None].float()
            maps = F.interpolate(maps, scale_factor=self.scale, mode='bilinear')
            image = maps[0].permute(1, 2, 0).numpy()
        height, width = (side - side % self.multiple_of for side in image.shape[:2])
        if not height or not width:
            raise UserError(
                f'{results.get("img_path")}: {picture.width} x {picture.height} pixels x '
                f'{self.scale:g} hold no patch of {self.multiple_of}'
            )
        results['img'] = np.ascontiguousarray(image[:height, :width])
        results['img_shape'] = (height, width)
        return results

    def __repr__(self) -> str:
        return (
            f'{type(self).__name__}(size={self.size}, scale={self.scale:g}, '
            f'multiple_of={self.multiple_of})'
        )
