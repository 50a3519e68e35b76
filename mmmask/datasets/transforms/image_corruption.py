"""Corrupt images as ImageNet-C does."""

from __future__ import annotations

import io
import zlib

import numpy as np
from mmcv.transforms import BaseTransform
from mmpretrain.registry import TRANSFORMS
from PIL import Image

from mmmask.utils.errors import UserError, check_choice

_SEEDED = ('glass_blur', 'impulse_noise')
"""Corruptions that draw from a generator of their own."""


def corruption_names() -> list[str]:
    """Return the fifteen corruptions of ImageNet-C.

    Raises:
        UserError: If the package isn't installed.
    """
    try:
        from imagecorruptions import get_corruption_names
    except ImportError as error:
        raise UserError(
            'corruptions come from a package: run pip install imagecorruptions-imaug'
        ) from error
    return get_corruption_names('common')


@TRANSFORMS.register_module()
class ImageCorruption(BaseTransform):
    """Corrupt an image by one of ImageNet-C's fifteen corruptions.

    The published images were cropped to 224 pixels, corrupted and stored as JPEG. So this stands
    behind the crop. The package draws its noise anew, so images differ from the published ones.
    The draws depend on the corruption, the severity and the index of the image alone.

    **Modified keys:** ``img``, (H, W, 3) uint8 BGR of at least 32 x 32 pixels.

    Args:
        name: One of `corruption_names`; None: the image stays as it is.
        severity: 1 to 5.
        jpeg_quality: Quality of the JPEG in which the published images are stored; None: none.

    Raises:
        UserError: If there is no such corruption or severity, or an image is too small.
    """

    def __init__(
        self, name: str | None = None, severity: int = 1, jpeg_quality: int | None = 85
    ) -> None:
        self.set(name, severity)
        self.jpeg_quality = jpeg_quality

    def set(self, name: str | None, severity: int) -> None:
        """Choose the corruption."""
        if name is not None:
            check_choice('ImageCorruption: name', name, corruption_names())
        if severity not in range(1, 6):
            raise UserError(f'ImageCorruption: severity must be 1 to 5, not {severity}')
        self.name, self.severity = name, severity

    def transform(self, results: dict) -> dict:
        """Replace the image."""
        if self.name is None:
            return results
        from imagecorruptions import corrupt

        if min(results['img'].shape[:2]) < 32:
            raise UserError(f'{results.get("img_path")}: corruptions need 32 x 32 pixels or more')
        key = f'{self.name} {self.severity} {results.get("sample_idx", 0)}'
        seed = zlib.crc32(key.encode())
        options = dict(seed=seed) if self.name in _SEEDED else {}
        state = np.random.get_state()
        np.random.seed(seed)
        try:
            image = np.ascontiguousarray(results['img'][..., ::-1])
            image = corrupt(image, self.severity, self.name, **options)
        finally:
            np.random.set_state(state)
        if self.jpeg_quality is not None:
            stored = io.BytesIO()
            Image.fromarray(image).save(stored, 'JPEG', quality=self.jpeg_quality, optimize=True)
            image = np.asarray(Image.open(stored))
        results['img'] = np.ascontiguousarray(image[..., ::-1])
        return results

    def __repr__(self) -> str:
        return (
            f'{type(self).__name__}(name={self.name!r}, severity={self.severity}, '
            f'jpeg_quality={self.jpeg_quality})'
        )
