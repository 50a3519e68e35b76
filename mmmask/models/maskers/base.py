"""Choose how many tokens of which images are masked, for all maskers."""

from abc import ABC, abstractmethod

import torch
from torch import Tensor

from mmmask.utils.errors import DivergedError, check_choice


def top_ranked(scores: Tensor, counts: Tensor) -> Tensor:
    """Mark the ``counts[b]`` highest scores of each row; ties go to the earlier token.

    Args:
        scores: (B, L).
        counts: (B,) integers.

    Returns:
        (B, L) bool with exactly ``counts[b]`` True in row b.
    """
    ranks = scores.argsort(dim=1, descending=True, stable=True).argsort(dim=1)
    return ranks < counts.to(scores.device).unsqueeze(1)


#: Its negative stands for log(0): below that of any positive float64 by more than the noise spans.
_LAST = 1e4


def sampled(weights: Tensor, counts: Tensor, among: Tensor | None = None) -> Tensor:
    """Sample tokens of each row without replacement, in proportion to weights.

    The exponential race: the ``counts[b]`` highest of log(weight) + Gumbel noise are distributed as
    ``counts[b]`` successive draws, each in proportion to the weights that are left. Weights of 0
    are drawn, uniformly, once the positive ones are exhausted.

    Args:
        weights: (B, L), not negative.
        counts: (B,) integers, at most as many as there are tokens to choose from.
        among: (B, L) bool, the tokens to choose from; None: all.

    Returns:
        (B, L) bool with exactly ``counts[b]`` True in row b.
    """
    uniform = torch.rand(weights.shape, dtype=torch.float64).to(weights.device)
    gumbel = -torch.log(-torch.log(uniform))
    weights = weights.double()
    keys = gumbel + torch.where(weights > 0, weights.log(), -_LAST)
    if among is not None:
        keys = keys.where(among, -torch.inf)
    return top_ranked(keys, counts)


class BaseMasker(ABC):
    """Choose which patches of which images are hidden.

    ``masker(grid, batch_size, scores, device)`` gives a (B, L) bool mask, True = masked. An image
    is masked with probability ``prob``; then int(r L) tokens are, with r drawn from ``ratio``. All
    draws come from torch's global CPU generator.

    Args:
        ratio: Mask ratio r in [0, 1], or a range (low, high) from which it is drawn uniformly.
        per: ``'batch'``: one r for the whole batch (AttMask); ``'image'``: one r for each image
            (iBOT).
        prob: Probability of an image being masked at all.

    Raises:
        ValueError: If a ratio, range or probability lies outside [0, 1], or ``per`` is unknown.
    """

    #: Whether the masker needs scores, i.e. whether attention must be read.
    needs_scores = False

    def __init__(
        self, ratio: float | tuple[float, float], per: str = 'batch', prob: float = 1.0
    ) -> None:
        low, high = ratio if isinstance(ratio, (tuple, list)) else (ratio, ratio)
        if not 0 <= low <= high <= 1:
            raise ValueError(f'ratio must be in [0, 1] or a range (low, high) in it, got {ratio}.')
        check_choice('per', per, ('batch', 'image'))
        if not 0 <= prob <= 1:
            raise ValueError(f'prob must be in [0, 1], got {prob}.')
        self.ratio = (low, high)
        self.per = per
        self.prob = prob

    def __call__(
        self,
        grid: tuple[int, int],
        batch_size: int,
        scores: Tensor | None = None,
        device: torch.device | str | None = None,
    ) -> Tensor:
        """Draw masks.

        Args:
            grid: Rows and columns of patches; L is their product.
            batch_size: Number of images B (each view counts as one).
            scores: (B, L), for maskers that look at the image.
            device: Where the mask goes; by default where the scores are, else the CPU.

        Returns:
            (B, L) bool, True = masked.

        Raises:
            ValueError: If scores are missing or of another shape.
            DivergedError: If they are NaN or infinite (a ValueError, too).
        """
        num_tokens = grid[0] * grid[1]
        if self.needs_scores:
            self._check_scores(scores, (batch_size, num_tokens))
            device = device or scores.device
        masked = torch.rand(batch_size) < self.prob
        mask = self.choose(grid, self.sample_counts(batch_size, num_tokens), scores)
        return (mask & masked.to(mask.device).unsqueeze(1)).to(device)

    @abstractmethod
    def choose(self, grid: tuple[int, int], counts: Tensor, scores: Tensor | None) -> Tensor:
        """Choose the tokens.

        Args:
            grid: Rows and columns of patches.
            counts: (B,) number of tokens to mask in each image, int(r L).
            scores: (B, L) or None.

        Returns:
            (B, L) bool.
        """

    def sample_ratios(self, batch_size: int) -> Tensor:
        """Draw (B,) ratios r, float64."""
        low, high = self.ratio
        draws = torch.rand(batch_size if self.per == 'image' else 1, dtype=torch.float64)
        return (low + (high - low) * draws).expand(batch_size)

    def sample_counts(self, batch_size: int, num_tokens: int) -> Tensor:
        """Draw (B,) token counts int(r L), in float64 as the published code computes them."""
        return (self.sample_ratios(batch_size) * num_tokens).long()

    def _check_scores(self, scores: Tensor | None, shape: tuple[int, int]) -> None:
        name = type(self).__name__
        if scores is None:
            raise ValueError(f'{name} needs scores: give the algorithm a scorer.')
        if tuple(scores.shape) != shape:
            raise ValueError(f'{name} got scores of shape {tuple(scores.shape)}, expected {shape}.')
        if not torch.isfinite(scores).all():
            raise DivergedError(f'{name} got NaN or infinite scores: the network has diverged')
