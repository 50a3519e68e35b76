"""DINO's multi-crop augmentation."""

from collections.abc import Sequence

from mmcv.transforms import BaseTransform, Compose
from mmpretrain.registry import TRANSFORMS


@TRANSFORMS.register_module()
class MultiCrop(BaseTransform):
    """Two global views and some local ones of one decoded image (DINO; AttMask, Appendix B).

    Every view is a random resized crop (bicubic, antialiased), flipped with probability 0.5,
    colour-jittered with probability 0.8, grey with probability 0.2. As in BYOL, the first global
    view is always blurred. The second is blurred with probability 0.1, then solarised with
    probability 0.2. Local views are blurred with probability 0.5.

    **Modified keys:** ``img``, (H, W, 3) uint8 -> a list of arrays, global views first.

    Args:
        global_size: Side of the global views.
        local_size: Side of the local views.
        num_local: Number of local views.
        global_scale: Range of the global views' share of the image's area; (s, 1) with AttMask's s
            = 0.25 for iBOT, 0.4 for DINO, 0.32 for 300 epochs.
        local_scale: Range of the local views' share, (0.05, s).
        color_jitter: Strengths for brightness, contrast, saturation and hue.
        blur_sigma: Range of the Gaussian blur's radius in pixels of the view.
        gray_prob: Probability of a grey view.

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
    ) -> None:
        if min(global_size, local_size) < 1 or num_local < 0:
            raise ValueError(
                f'MultiCrop got sizes {global_size}, {local_size} and {num_local} local views.'
            )
        for name, scale in dict(global_scale=global_scale, local_scale=local_scale).items():
            if len(scale) != 2 or not 0 < scale[0] <= scale[1] <= 1:
                raise ValueError(f'{name} must be a range in (0, 1], got {tuple(scale)}.')
        self.num_local = num_local
        self.color_jitter = tuple(color_jitter)
        self.blur_sigma = tuple(blur_sigma)
        self.gray_prob = gray_prob
        self.first_global = self._view(global_size, global_scale, blur_prob=1.0)
        self.second_global = self._view(global_size, global_scale, blur_prob=0.1, solarize_prob=0.2)
        self.local = self._view(local_size, local_scale, blur_prob=0.5)

    def transform(self, results: dict) -> dict:
        views = [self.first_global, self.second_global] + [self.local] * self.num_local
        # A shallow copy is enough: the crop makes a new array.
        results['img'] = [view(dict(results))['img'] for view in views]
        return results

    def _view(
        self, size: int, scale: Sequence[float], blur_prob: float, solarize_prob: float = 0.0
    ) -> Compose:
        brightness, contrast, saturation, hue = self.color_jitter
        jitter = dict(
            type='ColorJitter',
            brightness=brightness,
            contrast=contrast,
            saturation=saturation,
            hue=hue,
            backend='cv2',
        )
        steps = [
            dict(
                type='RandomResizedCrop',
                scale=size,
                crop_ratio_range=tuple(scale),
                interpolation='bicubic',
                backend='pillow',
            ),
            dict(type='RandomFlip', prob=0.5),
            dict(type='RandomApply', transforms=[TRANSFORMS.build(jitter)], prob=0.8),
            dict(
                type='RandomGrayscale',
                prob=self.gray_prob,
                keep_channels=True,
                channel_weights=(0.114, 0.587, 0.2989),
            ),
            dict(
                type='GaussianBlur',
                magnitude_range=self.blur_sigma,
                magnitude_std='inf',
                prob=blur_prob,
            ),
        ]
        if solarize_prob:
            steps.append(dict(type='Solarize', thr=128, prob=solarize_prob))
        return Compose([TRANSFORMS.build(step) for step in steps])

    def __repr__(self) -> str:
        views = f'global={self.second_global}, local={self.local} x {self.num_local}'
        return f'{type(self).__name__}({views})'
