"""The losses of DINO and iBOT, as functions of plain tensors.

Shapes: T teacher views, which are the global ones. S student views: these, then the local ones.
B images, L patches of a view, M masked patches of the batch, K prototypes.
"""

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from ..precision import at_least_float32

#: Least number of logits, and most parts, in which a cross entropy passes.
_PART, _PARTS = 2**20, 16


def teacher_probabilities(logits: Tensor, center: Tensor, temperature: float) -> Tensor:
    """Compute targets: softmax((logits - center) / temperature), in float32 or better.

    Args:
        logits: (..., K).
        center: (1, K) or anything that broadcasts.
        temperature: The teacher's temperature.
    """
    return ((at_least_float32(logits) - center) / temperature).softmax(dim=-1)


def cls_distillation_loss(student_logits: Tensor, targets: Tensor, temperature: float) -> Tensor:
    """Compute DINO's cross entropy between different views (AttMask, Eq. 4 and A11).

    Every teacher view teaches every student view but itself. A term is a mean over the batch; the
    sum is divided by the number of terms, T (S - 1). Pairs are summed before the logarithm: student
    view s is compared with sum_t targets[t] - targets[s]. So the cost is S cross entropies.

    Args:
        student_logits: (S, B, K), the T global views first and in the teacher's order.
        targets: (T, B, K) probabilities without gradient.
        temperature: The student's temperature.

    Returns:
        Scalar.

    Raises:
        ValueError: If there is no pair of different views.
    """
    num_student, num_teacher = len(student_logits), len(targets)
    if num_student < max(num_teacher, 2):
        raise ValueError(f'No pairs: {num_student} student views for {num_teacher} teacher views.')
    others = targets.sum(dim=0, keepdim=True).expand(num_student, -1, -1).clone()
    others[:num_teacher] -= targets
    terms = _cross_entropy(student_logits, others, temperature).mean(dim=1)
    return terms.sum() / (num_teacher * (num_student - 1))


def patch_distillation_loss(
    student_logits: Tensor, targets: Tensor, mask: Tensor, temperature: float
) -> Tensor:
    """Compute iBOT's cross entropy at the masked patches of the same view (AttMask, Eq. 3).

    Per image: the sum over its masked patches / max(count, 1); then the mean over all images, those
    without a masked patch counting 0.

    Args:
        student_logits: (M, K), at the True entries of ``mask`` in row-major order.
        targets: (M, K) probabilities without gradient.
        mask: (B', L) bool; B' counts every view of every image.
        temperature: The student's temperature.

    Returns:
        Scalar; 0 (with a gradient of 0) if nothing is masked.
    """
    counts = mask.sum(dim=1)
    terms = _cross_entropy(student_logits, targets, temperature)
    divisors = counts.repeat_interleave(counts, output_size=len(terms))  # (M,), each >= 1
    return (terms / divisors).sum() / len(mask)


def _cross_entropy(logits: Tensor, targets: Tensor, temperature: float) -> Tensor:
    """Compute -sum_k targets log softmax(logits / temperature), over the last dimension.

    Large logits pass in parts, of which the backward pass computes the softmax again.
    """
    shape, prototypes = logits.shape[:-1], logits.shape[-1]
    logits, targets = logits.reshape(-1, prototypes), targets.reshape(-1, prototypes)
    rows = max(_PART // prototypes, -(-len(logits) // _PARTS))
    if len(logits) <= rows:
        return _cross_entropy_of_part(logits, targets, temperature).view(shape)
    options = dict(use_reentrant=False, preserve_rng_state=False)
    terms = [
        checkpoint(_cross_entropy_of_part, *part, temperature, **options)
        for part in zip(logits.split(rows), targets.split(rows))
    ]
    return torch.cat(terms).view(shape)


def _cross_entropy_of_part(logits: Tensor, targets: Tensor, temperature: float) -> Tensor:
    return -torch.sum(
        targets * F.log_softmax(at_least_float32(logits) / temperature, dim=-1), dim=-1
    )
