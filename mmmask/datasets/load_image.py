"""Reading images that may be broken: an error that names the file, and an optional memory."""

from __future__ import annotations

import mmcv
import mmengine.fileio as fileio
import numpy as np
from mmcv.transforms import LoadImageFromFile
from mmpretrain.registry import TRANSFORMS
from PIL import UnidentifiedImageError

from mmmask.utils.errors import UserError

CACHE_BYTES = 2 << 30
"""A cache grows to this size at most; images beyond it are decoded every time."""


class BrokenImageError(UserError):
    """A file is missing, or isn't a whole image.

    Args:
        path: The file.
        reason: What its reader said. None where PyTorch raises a worker's error again in the main
            process: it gives the worker's traceback as the one argument, whose last line is kept.
    """

    def __init__(self, path: str, reason: str | None = None) -> None:
        self.path, self.reason = path, reason
        if reason is None:
            message = path.strip().splitlines()[-1].removeprefix(f'{__name__}.BrokenImageError: ')
        else:
            message = (
                f'broken image {path} ({reason}): mend or delete it (a StrictImageFolder can leave '
                'it out: skip_broken=True)'
            )
        super().__init__(message)

    def __reduce__(self) -> tuple:
        return type(self), (self.path, self.reason)


@TRANSFORMS.register_module()
class LoadImageStrict(LoadImageFromFile):
    """mmcv's ``LoadImageFromFile`` with errors that name the file, and a cache.

    Pillow decodes by default: OpenCV returns a truncated JPEG half grey, without an error.

    **Required key:** ``img_path``. **Added keys:** ``img``, ``(H, W, 3)`` uint8 BGR;
    ``img_shape`` and ``ori_shape``, ``(H, W)``.

    Args:
        to_float32: As in mmcv.
        color_type: As in mmcv.
        imdecode_backend: As in mmcv, but for the default.
        backend_args: As in mmcv.
        cache: Whether decoded images are kept in memory (per process: every worker has its own).

    Raises:
        BrokenImageError: When an image can't be read.
    """

    def __init__(
        self,
        to_float32: bool = False,
        color_type: str = 'color',
        imdecode_backend: str = 'pillow',
        backend_args: dict | None = None,
        cache: bool = False,
    ) -> None:
        super().__init__(to_float32, color_type, imdecode_backend, backend_args=backend_args)
        self.cache = cache
        self._kept: dict[str, np.ndarray] = {}
        self._kept_bytes = 0

    def transform(self, results: dict) -> dict:
        """Add the image of ``results['img_path']``."""
        image = self.load(results['img_path'])
        results['img'] = image.astype(np.float32) if self.to_float32 else image
        results['img_shape'] = results['ori_shape'] = image.shape[:2]
        return results

    def load(self, path: str) -> np.ndarray:
        """Decode the image, or copy it from memory; ``(H, W, 3)`` uint8 BGR."""
        if path in self._kept:
            return self._kept[path].copy()  # transforms may write into it
        image = self.decode(path)
        if self.cache and self._kept_bytes + image.nbytes <= CACHE_BYTES:
            self._kept[path] = image.copy()
            self._kept_bytes += image.nbytes
        return image

    def decode(self, path: str) -> np.ndarray:
        """Read and decode the image; ``(H, W, 3)`` uint8 BGR."""
        try:
            content = fileio.get(path, backend_args=self.backend_args)
            image = mmcv.imfrombytes(content, flag=self.color_type, backend=self.imdecode_backend)
        except (
            Exception
        ) as error:  # decoders raise OSError, SyntaxError, cv2.error, struct.error...
            reason = str(error).replace('\n', ' ').strip() or type(error).__name__
            if isinstance(error, UnidentifiedImageError):  # its text is a buffer's address
                reason = 'not an image'
            raise BrokenImageError(path, reason) from error
        if image is None:
            raise BrokenImageError(path, f'{self.imdecode_backend} cannot decode it')
        return np.ascontiguousarray(image)
