"""Compare attended pixels with objects (DINO, Figure 4; Naseer et al. 2021, Section 3.2)."""

from __future__ import annotations

import numpy as np


def attention_jaccard(attended: np.ndarray, objects: np.ndarray) -> np.ndarray:
    """Return intersection over union of every attention mask with every object.

    Published numbers take the best head for each object, then means over an image's objects and
    over images: ``attention_jaccard(...).max(axis=0).mean()`` for one image.

    Args:
        attended: (H, h, w) bool, the attended pixels of H heads.
        objects: (K, h, w) bool.

    Returns:
        (H, K) in [0, 1]; two empty masks count 1, one empty mask 0.
    """
    pixels = attended[0].size
    flat = [masks.reshape(-1, pixels).astype(np.float64) for masks in (attended, objects)]
    both = flat[0] @ flat[1].T  # (H, K)
    either = flat[0].sum(axis=1)[:, None] + flat[1].sum(axis=1) - both
    return np.divide(both, either, out=np.ones_like(both), where=either > 0)
