"""Compute GPA's loss of predicted attention."""

from torch import Tensor

from ..precision import at_least_float32


def masked_attention_loss(
    prediction: Tensor, scores: Tensor, mask: Tensor, standardise: bool = True
) -> Tensor:
    """Compute the mean squared error of the scores of the masked patches (GPA, Eq. 7).

    Args:
        prediction: (B, L).
        scores: (B, L) targets.
        mask: (B, L) bool, True = masked, at least one.
        standardise: Whether targets are shifted to mean 0 and scaled to standard deviation 1 over
            all patches of an image, as MAE does with pixels (unbiased variance + 1e-6).

    Returns:
        Scalar; the mean over the masked patches, where Eq. 7 has their sum, so that its weight
        doesn't depend on the number of patches.
    """
    if standardise:
        mean, variance = scores.mean(dim=1, keepdim=True), scores.var(dim=1, keepdim=True)
        scores = (scores - mean) / (variance + 1e-6).sqrt()
    errors = (at_least_float32(prediction) - scores).square()
    return (errors * mask).sum() / mask.sum()
