"""DINO's multi-crop augmentation."""

from __future__ import annotations

import itertools
import random
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from mmcv.transforms import BaseTransform
from mmpretrain.registry import TRANSFORMS

from mmmask.utils.errors import check_choice

from . import pixels
from .on_device import Colours, pack_colours


@dataclass(frozen=True)
class View:
    """The law of a view.

    Attributes:
        size: Side in pixels.
        scale: Range of its share of the image's area.
        blur_prob: Probability of a blur.
        solarize_prob: Probability of a solarisation.
    """

    size: int
    scale: tuple[float, float]
    blur_prob: float
    solarize_prob: float = 0.0


@TRANSFORMS.register_module()
class MultiCrop(BaseTransform):
    """Two global views and some local ones of one decoded image (DINO; AttMask, Appendix B).

    Every view is a random resized crop (antialiased), flipped with probability 0.5,
    colour-jittered with probability 0.8, grey with probability 0.2. As in BYOL, the first global
    view is always blurred. The second is blurred with probability 0.1, then solarised with
    probability 0.2. Local views are blurred with probability 0.5. Without local views these are
    BYOL's and MoCo v3's two: ``num_local=0, global_scale=(0.08, 1.0)``.

    **Modified keys:** ``img``, (H, W, 3) uint8 -> a list of arrays, global views first. With
    ``colours='device'`` its last item is a tensor: the operations on their colours.

    Args:
        global_size: Side of the global views.
        local_size: Side of the local views.
        num_local: Number of local views.
        global_scale: Range of the global views' share of the image's area; (s, 1) with AttMask's s
            = 0.25 for iBOT, 0.4 for DINO, 0.32 for 300 epochs.
        local_scale: Range of the local views' share, (0.05, s).
        color_jitter: Strengths for brightness, contrast, saturation (at most 1) and hue.
        blur_sigma: Range of the Gaussian blur's radius in pixels of the view.
        gray_prob: Probability of a grey view.
        interpolation: ``'bicubic'`` or ``'bilinear'``.
        colours: Where jitter, grey, blur and solarisation are done: in the ``'workers'``, or on the
            model's ``'device'`` by an ``AugmentingDataPreprocessor``. What is drawn is the same.

    Raises:
        ValueError: If a size, number or range makes no sense.
    """

    def __init__(
        self,
        global_size: int = 224,
        local_size: int = 96,
        num_local: int = 10,
        global_scale: Sequence[float] = (0.25, 1.0),
        local_scale: Sequence[float] = (0.05, 0.25),
        color_jitter: Sequence[float] = (0.4, 0.4, 0.2, 0.1),
        blur_sigma: Sequence[float] = (0.1, 2.0),
        gray_prob: float = 0.2,
        interpolation: str = 'bicubic',
        colours: str = 'workers',
    ) -> None:
        if min(global_size, local_size) < 1 or num_local < 0:
            raise ValueError(
                f'MultiCrop got sizes {global_size}, {local_size} and {num_local} local views.'
            )
        pixels.check_area_range('global_scale', global_scale)
        pixels.check_area_range('local_scale', local_scale)
        pixels.check_interpolation(interpolation)
        check_choice('colours', colours, ('workers', 'device'))
        if len(color_jitter) != 4 or not all(0 <= strength <= 1 for strength in color_jitter):
            raise ValueError(f'color_jitter must be four numbers of 0 to 1, got {color_jitter}.')
        self.num_local = num_local
        self.color_jitter, self.blur_sigma = tuple(color_jitter), tuple(blur_sigma)
        jitter = zip(('brightness', 'contrast', 'saturation', 'hue'), (1, 1, 1, 0), color_jitter)
        laws = [(f'adjust_{name}', mid - by, mid + by) for name, mid, by in jitter if by]
        self._colour_orders = list(itertools.permutations(laws))
        self.gray_prob, self.interpolation, self.colours = gray_prob, interpolation, colours
        self.first_global = View(global_size, tuple(global_scale), blur_prob=1.0)
        self.second_global = View(global_size, tuple(global_scale), 0.1, solarize_prob=0.2)
        self.local = View(local_size, tuple(local_scale), blur_prob=0.5)

    def transform(self, results: dict) -> dict:
        """Replace the image by the list of its views."""
        views = [self.first_global, self.second_global] + [self.local] * self.num_local
        drawn, colours = zip(*[self.draw(view, results['img']) for view in views])
        left = [pack_colours(colours)] if self.colours == 'device' else []
        results['img'] = [*drawn, *left]
        return results

    def coarsest_scale(self, height: int, width: int) -> int:
        """Return how many times smaller a JPEG may be decoded; see `pixels.coarsest_scale`."""
        views = [self.second_global] + [self.local] * (self.num_local > 0)
        return pixels.coarsest_scale(height, width, [(v.scale[0], v.size) for v in views])

    def draw(self, view: View, image: np.ndarray) -> tuple[np.ndarray, Colours]:
        """Draw one view of an image.

        Returns:
            The view, ``(size, size, 3)`` uint8 BGR, and the operations on its colours. Workers have
            done these already; the device has yet to.
        """
        box = pixels.draw_box(*image.shape[:2], view.scale)
        size = (view.size, view.size)
        drawn = pixels.crop_and_resize(image, box, size, self.interpolation)
        flipped = random.random() < 0.5
        colours = self._draw_colours(view)
        if self.colours == 'workers':
            for name, *value in colours:
                drawn = getattr(pixels, name)(drawn, *value)
        return drawn[:, ::-1] if flipped else drawn, colours  # copied when packed

    def _draw_colours(self, view: View) -> Colours:
        """Draw the operations on a view's colours; jitter has a random order, as torchvision's."""
        colours: list[tuple] = []
        if random.random() < 0.8:
            laws = random.choice(self._colour_orders)
            colours = [(name, random.uniform(low, high)) for name, low, high in laws]
        if random.random() < self.gray_prob:
            colours.append(('to_grey',))
        if random.random() < view.blur_prob:
            colours.append(('blur', random.uniform(*self.blur_sigma)))
        if random.random() < view.solarize_prob:
            colours.append(('solarize',))
        return colours

    def __repr__(self) -> str:
        views = f'global={self.second_global}, local={self.local} x {self.num_local}'
        return f'{type(self).__name__}({views})'
