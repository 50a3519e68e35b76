"""Compute the losses that align visible with masked patches (ccMIM), as functions of plain tensors.

Shapes: B images of this rank, N images of all ranks, D channels of the contrastive space. Row i of
the visible and of the masked side belongs to the same image. The masked side is the teacher, since
it holds the patches that matter: it never gets a gradient.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from mmmask.utils.errors import check_choice

from ..precision import at_least_float32


def visible_masked_nce(
    visible: Tensor,
    masked: Tensor,
    temperature: float = 0.5,
    negatives: str = 'masked',
    pool: Tensor | None = None,
    first: int = 0,
    scale: bool = True,
) -> Tensor:
    r"""Compute InfoNCE of an image's visible patches with its masked ones (ccMIM, Eq. 7).

    With :math:`s` the cosine similarity divided by the temperature, the mean over i of
    :math:`-s(h^M_i, h^V_i) + \log Z_i`, where the normaliser depends on ``negatives``:

    - ``'masked'``: :math:`Z_i = \sum_j e^{s(h^V_i, h^M_j)}`, the visible side as queries of the
      masked sides of all images, as MoCo v3 and the published code have it, with which the paper's
      numbers were made.
    - ``'visible'``: :math:`Z_i = \sum_{j \neq i} e^{s(h^V_i, h^V_j)} + \sum_j e^{s(h^M_i, h^V_j)}`,
      Eq. 7 as it is printed: only the visible sides of other images are negatives, and these get a
      gradient as well.

    Args:
        visible: (B, D), need not be normalised.
        masked: (B, D), need not be normalised.
        temperature: tau; the paper doesn't name it, 0.5 is the published code's.
        negatives: ``'masked'`` or ``'visible'``.
        pool: (N, D), what all ranks hold of the side that ``negatives`` names; by default this
            rank's. ``pool[first + i]`` belongs to image i.
        first: Index of this rank's first image in ``pool``.
        scale: Multiply by 2 tau, as the published code does and Eq. 7 doesn't: gradients then don't
            grow as the temperature falls. At 0.5 it is the same.

    Returns:
        Scalar.

    Raises:
        ValueError: If ``negatives`` is unknown.
    """
    check_choice('negatives', negatives, ('masked', 'visible'))
    if pool is None:
        pool = masked if negatives == 'masked' else visible
    visible, pool = _normalised(visible), _normalised(pool)
    targets = torch.arange(first, first + len(visible), device=visible.device)
    if negatives == 'masked':
        logits = visible @ pool.detach().T
    else:
        teacher = _normalised(masked.detach())
        among_visible = (visible @ pool.T).scatter(1, targets.unsqueeze(1), -torch.inf)
        logits = torch.cat((teacher @ pool.T, among_visible), dim=1)  # (B, 2 N)
    loss = F.cross_entropy(logits / temperature, targets)
    return 2 * temperature * loss if scale else loss


def negative_cosine(predicted: Tensor, masked: Tensor) -> Tensor:
    """Compute 1 - cosine of the predictor's output and the masked side, on average (ccMIM, Eq. 8).

    Args:
        predicted: (B, D), the visible side behind the predictor.
        masked: (B, D).

    Returns:
        Scalar in [0, 2].
    """
    return (1 - (_normalised(predicted) * _normalised(masked.detach())).sum(dim=1)).mean()


def _normalised(vectors: Tensor) -> Tensor:
    """Scale vectors to length 1, in float32 or better."""
    return F.normalize(at_least_float32(vectors), dim=-1)
