"""Mask blocks, as BEiT does."""

import math
import random

import torch
from mmpretrain.registry import MODELS
from torch import Tensor

from .base import BaseMasker, sampled

#: Range of a rectangle's aspect ratio, 0.3 to 1 / 0.3 (BEiT, Algorithm 1), log-uniform.
_LOG_ASPECT = (math.log(0.3), -math.log(0.3))
#: Tries for each rectangle, as in the published code.
_NUM_ATTEMPTS = 10


@MODELS.register_module()
class BlockMasker(BaseMasker):
    """Mask random rectangles until int(r L) tokens are masked (BEiT, Algorithm 1; iBOT's default).

    As published, a rectangle is kept only if it doesn't overshoot, and the search ends after ten
    failures in a row. So an image has *at most* int(r L) masked tokens, mostly a few less. With
    ``exact``, the missing ones are drawn at random: at ratio 0.75 of 14 x 14, less than one of 147
    on average. Networks that drop masked tokens need that. A rectangle leaves a row and a column
    free, so all are random on one row.

    Args:
        ratio: See :class:`BaseMasker`; iBOT draws 0 or U(0.1, 0.5) with equal chance, i.e.
            ``prob=0.5``.
        per, prob: See :class:`BaseMasker`.
        min_num_patches: Smallest area of a rectangle, 16 in BEiT and in ccMIM's Section 4.3; None:
            a ninth of the shorter side's square, as iBOT. As published, the area is that before
            rounding, and the last rectangles, with fewer tokens left to mask, may be smaller.
        exact: Whether every image has exactly int(r L) masked tokens.

    Raises:
        ValueError: As :class:`BaseMasker`; also if ``min_num_patches`` is below 1, or the grid has
            no room for a rectangle of that size.
    """

    def __init__(
        self,
        ratio: float | tuple[float, float] = (0.1, 0.5),
        per: str = 'image',
        prob: float = 0.5,
        min_num_patches: int | None = None,
        exact: bool = False,
    ) -> None:
        super().__init__(ratio, per, prob)
        if min_num_patches is not None and min_num_patches < 1:
            raise ValueError(f'min_num_patches must be at least 1, got {min_num_patches}.')
        self.min_num_patches = min_num_patches
        self.exact = exact

    def choose(self, grid: tuple[int, int], counts: Tensor, scores: Tensor | None) -> Tensor:
        room = (grid[0] - 1) * (grid[1] - 1)
        if self.min_num_patches is not None and self.min_num_patches > room:
            raise ValueError(
                f'min_num_patches must be at most {room} on a grid of {grid[0]} x {grid[1]}, got '
                f'{self.min_num_patches}.'
            )
        # Python's generator is an order of magnitude quicker for single draws; torch's seeds it.
        rng = random.Random(int(torch.randint(2**62, ()).item()))
        mask = torch.stack([self._blocks(grid, count, rng).flatten() for count in counts.tolist()])
        if self.exact:  # the missing tokens at random, outside of the blocks
            mask |= sampled(torch.ones(mask.shape), counts - mask.sum(dim=1), among=~mask)
        return mask

    def _blocks(self, grid: tuple[int, int], count: int, rng: random.Random) -> Tensor:
        """Return one image's mask, (rows, columns) bool with at most ``count`` True."""
        mask = torch.zeros(grid, dtype=torch.bool)
        while count > 0 and (added := self._add_block(mask, count, rng)):
            count -= added
        return mask

    def _add_block(self, mask: Tensor, limit: int, rng: random.Random) -> int:
        """Mask one more rectangle in place; returns how many tokens are new, 0: none found."""
        rows, columns = mask.shape
        smallest = self.min_num_patches or (min(rows, columns) // 3) ** 2
        for _ in range(_NUM_ATTEMPTS):
            area = rng.uniform(smallest, limit)
            aspect = math.exp(rng.uniform(*_LOG_ASPECT))
            height, width = round(math.sqrt(area * aspect)), round(math.sqrt(area / aspect))
            if height >= rows or width >= columns:
                continue
            top, left = rng.randint(0, rows - height), rng.randint(0, columns - width)
            block = mask[top : top + height, left : left + width]
            added = block.numel() - int(block.sum())
            if 0 < added <= limit:
                block.fill_(True)
                return added
        return 0
