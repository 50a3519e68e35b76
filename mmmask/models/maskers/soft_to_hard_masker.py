"""Mask tokens by GPA, from sampled to sorted."""

import torch
from mmpretrain.registry import MODELS
from torch import Tensor

from mmmask.utils.errors import check_choice

from .base import BaseMasker, sampled, top_ranked


@MODELS.register_module()
class SoftToHardMasker(BaseMasker):
    r"""Mask ever more of the tokens that others attend to (GPA, Eq. 6).

    Of the n = int(r L) masked tokens of an image, a share :math:`\alpha^h_t` has the highest scores
    ("hard"). A share :math:`\alpha^s_t` of them is sampled from the others in proportion to the
    scores ("soft"), and the rest uniformly at random. Shares move linearly with ``progress``, which
    a schedule sets (``model.masker.progress``). Shares of tokens are rounded down; the random ones
    fill up, so exactly n tokens are masked in every image. In Tables 3 and 4, some shares sum to
    more than 1 for a while (soft 1 -> 1 beside hard 0 -> 0.5): hard tokens come first there.

    GPA's scores are sums of logits and may be negative, which the paper doesn't mention. A token's
    weight is by default how far its score lies above the image's lowest one. Where all scores are
    equal, so are the chances.

    Args:
        ratio: See :class:`BaseMasker`; 0.75 in the paper, 0.5 and 0.9 in Tables 3 and 4.
        soft: :math:`\alpha^s` at the start and at the end.
        hard: :math:`\alpha^h` at the start and at the end.
        weights: ``'shift'``: score - lowest score; ``'softmax'``: softmax of the scores, which for
            sums of logits comes close to sorting.
        progress: t / T until a schedule sets it.
        per, prob: See :class:`BaseMasker`.

    Raises:
        ValueError: As :class:`BaseMasker`; also if the shares leave [0, 1], ``weights`` is unknown
            or ``progress`` is set outside [0, 1].
    """

    needs_scores = True

    def __init__(
        self,
        ratio: float | tuple[float, float] = 0.75,
        soft: tuple[float, float] = (0.5, 0.0),
        hard: tuple[float, float] = (0.0, 0.5),
        weights: str = 'shift',
        progress: float = 0.0,
        per: str = 'batch',
        prob: float = 1.0,
    ) -> None:
        super().__init__(ratio, per, prob)
        for name, shares in dict(soft=soft, hard=hard).items():
            pair = isinstance(shares, (tuple, list)) and len(shares) == 2
            if not pair or not all(0 <= share <= 1 for share in shares):
                raise ValueError(f'{name} must be two shares in [0, 1], got {shares}.')
        check_choice('weights', weights, ('shift', 'softmax'))
        self.soft, self.hard = tuple(soft), tuple(hard)
        self.weights = weights
        self.progress = progress

    @property
    def progress(self) -> float:
        """Return t / T in [0, 1]; outside, shares would be negative and counts no longer exact."""
        return self._progress

    @progress.setter
    def progress(self, value: float) -> None:
        if not 0 <= value <= 1:
            raise ValueError(f'progress must be in [0, 1], got {value}.')
        self._progress = value

    def choose(self, grid: tuple[int, int], counts: Tensor, scores: Tensor | None) -> Tensor:
        num_hard = self._share(self.hard, counts)
        num_soft = self._share(self.soft, counts).minimum(counts - num_hard)
        hard = top_ranked(scores, num_hard)
        soft = sampled(self._weigh(scores), num_soft, among=~hard)
        left = ~(hard | soft)
        return ~left | sampled(torch.ones_like(scores), counts - num_hard - num_soft, among=left)

    def _share(self, ends: tuple[float, float], counts: Tensor) -> Tensor:
        """Count (B,) the tokens of a share; a hair is added so that 0.3 of 10 are 3."""
        start, end = ends
        share = start + self.progress * (end - start)
        return (share * counts.double() + 1e-9).long()

    def _weigh(self, scores: Tensor) -> Tensor:
        if self.weights == 'softmax':
            return scores.double().softmax(dim=1)
        return scores.double() - scores.double().amin(dim=1, keepdim=True)
