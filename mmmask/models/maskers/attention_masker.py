"""Masks of what the teacher attends to: AttMask's, and MST's."""

import torch
from mmpretrain.registry import MODELS
from torch import Tensor

from .base import BaseMasker, sampled, top_ranked


@MODELS.register_module()
class AttentionMasker(BaseMasker):
    r"""Masks the most, or the least, attended tokens (AttMask, Section 3.2; MST, Section 3.2).

    ``high`` (AttMask, Eq. 8-9): the :math:`k = \lfloor r n \rfloor` most attended tokens. ``low``:
    the k least attended ones. ``hint``: ``high``, less :math:`\lfloor s n \rfloor` random ones of
    the :math:`\lfloor s_{max} n \rfloor` most attended, with the show ratio :math:`s = s_{max} r'`
    and r' a second, independent draw of the ratio. A show count of 0, as few tokens give, reveals
    nothing (the published code fails there).

    ``threshold`` (MST, Eq. 5): the :math:`\lfloor n / num \rfloor` least attended tokens are
    candidates, and each is masked with probability p. Where scores tie at the threshold, the
    earlier tokens are candidates, so their number is always the same, where Eq. 5's strict
    inequality would give fewer. Alg. 1, taken literally, masks among the *other* tokens; the text,
    Eq. 5 and Figure 2 agree on the least attended ones. An image of fewer than num tokens has no
    candidates.

    Args:
        mode: ``'high'``, ``'low'``, ``'hint'`` or ``'threshold'``.
        ratio: See :class:`BaseMasker`; by default one r per batch from U(0.1, 0.5), as in AttMask.
            Not for ``threshold``.
        per: See :class:`BaseMasker`.
        prob: See :class:`BaseMasker`; by default 0.5 as in AttMask, 1 for ``threshold``.
        show_max: :math:`s_{max}` of ``hint``, by default 0.1.
        num: num of ``threshold``; by default 8, the best of MST's Table 5. 1: every token is a
            candidate.
        token_prob: p of ``threshold``; by default 0.10, the best of MST's Table 5.

    Raises:
        ValueError: As :class:`BaseMasker`; also if an argument is given that the mode has no use
            for.
    """

    needs_scores = True

    def __init__(
        self,
        mode: str = 'high',
        ratio: float | tuple[float, float] | None = None,
        per: str = 'batch',
        prob: float | None = None,
        show_max: float | None = None,
        num: int | None = None,
        token_prob: float | None = None,
    ) -> None:
        if mode not in ('high', 'low', 'hint', 'threshold'):
            raise ValueError(f"mode must be 'high', 'low', 'hint' or 'threshold', got {mode!r}.")
        own = dict(hint={'ratio', 'show_max'}, threshold={'num', 'token_prob'}).get(mode, {'ratio'})
        given = dict(ratio=ratio, show_max=show_max, num=num, token_prob=token_prob)
        if useless := [k for k, value in given.items() if value is not None and k not in own]:
            raise ValueError(f'mode {mode!r} has no use for {useless[0]}: leave it out.')
        if mode == 'threshold':
            if per != 'batch':
                raise ValueError("mode 'threshold' draws no ratio: leave out per.")
            num, token_prob = 8 if num is None else num, 0.1 if token_prob is None else token_prob
            if not isinstance(num, int) or num < 1:
                raise ValueError(f'num must be an integer of at least 1, got {num}.')
            if not 0 <= token_prob <= 1:
                raise ValueError(f'token_prob must be in [0, 1], got {token_prob}.')
            super().__init__(1.0, per, 1.0 if prob is None else prob)
        else:
            ratio = (0.1, 0.5) if ratio is None else ratio
            super().__init__(ratio, per, 0.5 if prob is None else prob)
        show_max = 0.1 if show_max is None else show_max
        if not 0 <= show_max <= 1:
            raise ValueError(f'show_max must be in [0, 1], got {show_max}.')
        self.mode = mode
        self.show_max = show_max
        self.num = num
        self.token_prob = token_prob

    def sample_counts(self, batch_size: int, num_tokens: int) -> Tensor:
        if self.mode != 'threshold':
            return super().sample_counts(batch_size, num_tokens)
        candidates = torch.rand(batch_size, num_tokens // self.num, dtype=torch.float64)
        return (candidates < self.token_prob).sum(dim=1)

    def choose(self, grid: tuple[int, int], counts: Tensor, scores: Tensor | None) -> Tensor:
        if self.mode == 'threshold':
            least = top_ranked(-scores, torch.full_like(counts, scores.shape[1] // self.num))
            # Binomially many of the candidates, uniformly chosen: independent ones.
            return sampled(torch.ones_like(scores), counts, among=least)
        mask = top_ranked(-scores if self.mode == 'low' else scores, counts)
        return mask & ~self._hints(mask, scores) if self.mode == 'hint' else mask

    def _hints(self, mask: Tensor, scores: Tensor) -> Tensor:
        """(B, L) bool: random tokens among the most attended masked ones, to be revealed."""
        batch_size, num_tokens = scores.shape
        candidates = torch.full((batch_size,), int(self.show_max * num_tokens))
        candidates = top_ranked(scores, candidates) & mask
        counts = (self.show_max * self.sample_ratios(batch_size) * num_tokens).long()
        order = torch.rand(batch_size, num_tokens).to(scores.device)
        return top_ranked(order + candidates, counts) & candidates
