"""Read images of any depth that may be broken: errors name the file, and a cache is optional."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable

import cv2
import mmcv
import numpy as np
from mmcv.transforms import LoadImageFromFile
from mmpretrain.registry import TRANSFORMS
from PIL import Image, ImageOps, UnidentifiedImageError

from mmmask.datasets.tars import read_file
from mmmask.utils.errors import UserError

CACHE_BYTES = 2 << 30
"""A cache grows to this size at most; images beyond it are decoded every time."""

_END_OF_JPEG = b'\xff\xd9'

_DEEP = ('I', 'F')
"""Beginnings of the deep modes of Pillow, all grey. Deep colours are scaled by Pillow itself."""


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

    Pillow decodes by default: OpenCV may return a truncated JPEG half grey, without an error. A
    JPEG that is whole to its end is decoded by OpenCV: equal values in two thirds of the time.

    **Required key:** ``img_path``. **Added keys:** ``img``, ``(H, W, 3)`` uint8 BGR;
    ``img_shape`` and ``ori_shape``, ``(H, W)``.

    Grey images of 16 bits are scaled to 8. An image whose range of values no file states (32 bits)
    is refused.

    Args:
        to_float32: As in mmcv.
        color_type: As in mmcv.
        imdecode_backend: As in mmcv, but for the default.
        backend_args: As in mmcv.
        cache: Whether decoded images are kept in memory (per process: every worker has its own).
        max_pixels: Refuse larger images, which may fill the memory; None: Pillow's limit of 179
            million. A larger number raises the limit of the whole process.

    Raises:
        BrokenImageError: When an image can't be read.
        UserError: When an image is whole, but too large or of a mode that has no 8 bits.
    """

    def __init__(
        self,
        to_float32: bool = False,
        color_type: str = 'color',
        imdecode_backend: str = 'pillow',
        backend_args: dict | None = None,
        cache: bool = False,
        max_pixels: int | None = None,
    ) -> None:
        super().__init__(to_float32, color_type, imdecode_backend, backend_args=backend_args)
        self.cache, self.max_pixels = cache, max_pixels
        self.reduction: Callable[[int, int], int] | None = None
        """Gives for a height and width how many times smaller a JPEG is decoded: 1, 2, 4 or 8."""
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
            image = self._decode(read_file(path, self.backend_args))
        except UserError:  # of a tar
            raise
        except _Unusable as error:
            raise UserError(f'image {path} {error}') from error
        except Image.DecompressionBombError as error:
            limit = self.max_pixels or 2 * Image.MAX_IMAGE_PIXELS
            raise UserError(
                f'image {path} has more than {limit / 1e6:.0f} million pixels: make it smaller, or '
                'set max_pixels of the StrictImageFolder or LoadImageStrict'
            ) from error
        except Exception as error:  # OSError, SyntaxError, cv2.error, struct.error...
            reason = str(error).replace('\n', ' ').strip() or type(error).__name__
            if isinstance(error, UnidentifiedImageError):  # its text is a buffer's address
                reason = 'not an image'
            raise BrokenImageError(path, reason) from error
        if image is None:
            raise BrokenImageError(path, f'{self.imdecode_backend} cannot decode it')
        return np.ascontiguousarray(image)

    def _decode(self, content: bytes) -> np.ndarray | None:
        if self.imdecode_backend == 'pillow' and self.color_type != 'unchanged':
            if self.max_pixels is not None:  # Pillow refuses images of twice its number
                Image.MAX_IMAGE_PIXELS = max(Image.MAX_IMAGE_PIXELS or 0, self.max_pixels // 2)
            with Image.open(io.BytesIO(content)) as image:
                if self.max_pixels is not None and image.width * image.height > self.max_pixels:
                    raise Image.DecompressionBombError
                if image.mode.startswith(_DEEP):
                    grey = _eight_bits(image, 'ignore_orientation' not in self.color_type)
                    is_grey = self.color_type.startswith('grayscale')
                    return grey if is_grey else np.stack([grey] * 3, axis=-1)
                if image.mode == 'RGB' and self.color_type == 'color':  # as mmcv, in a third of it
                    if image.format in ('JPEG', 'MPO') and bytes(content[-2:]) == _END_OF_JPEG:
                        scale = self.reduction(*image.size[::-1]) if self.reduction else 1
                        if (pixels := _decode_jpeg(content, scale)) is not None:
                            return pixels
                    ImageOps.exif_transpose(image, in_place=True)
                    return cv2.cvtColor(np.asarray(image), cv2.COLOR_RGB2BGR)
        return mmcv.imfrombytes(content, flag=self.color_type, backend=self.imdecode_backend)


def find_reader(steps: Iterable) -> LoadImageStrict:
    """Return the `LoadImageStrict` among the steps of a pipeline, else one with its defaults."""
    return next((step for step in steps if isinstance(step, LoadImageStrict)), LoadImageStrict())


def _decode_jpeg(content: bytes, scale: int) -> np.ndarray | None:
    """Decode by OpenCV, so many times smaller, turned as its EXIF tag says; None if it can't."""
    flags = {1: cv2.IMREAD_COLOR, 2: cv2.IMREAD_REDUCED_COLOR_2, 4: cv2.IMREAD_REDUCED_COLOR_4}
    try:
        flag = flags.get(scale, cv2.IMREAD_REDUCED_COLOR_8)
        return cv2.imdecode(np.frombuffer(content, np.uint8), flag)
    except cv2.error:
        return None


class _Unusable(Exception):
    """Says why a whole image can't be used."""


def _eight_bits(image: Image.Image, orient: bool) -> np.ndarray:
    """Scale grey pixels of 9 to 16 bits to 8, (H, W) uint8: 0 stays 0, the largest becomes 255.

    Args:
        image: Of a deep mode.
        orient: Whether it is turned as its EXIF tag says.
    """
    tags = getattr(image, 'tag_v2', {})  # of a TIFF
    wide = image.mode.startswith('I;16') or (image.mode == 'I' and image.format in ('PNG', 'PPM'))
    if not wide:
        raise _Unusable(
            f'has pixels of mode {image.mode}, whose range no file states: convert it to 8 or 16 '
            'bits'
        )
    largest = 2 ** min(int(tags.get(258, (16,))[0]), 16) - 1  # BitsPerSample
    pixels = np.asarray(ImageOps.exif_transpose(image) if orient else image).astype(np.float64)
    if tags.get(262) == 0:  # PhotometricInterpretation: 0 is white
        pixels = largest - pixels
    return (pixels * (255 / largest)).round().clip(0, 255).astype(np.uint8)
