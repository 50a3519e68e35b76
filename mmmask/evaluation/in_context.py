"""Segment images by the labelled patches of others, as Hummingbird (Balazevic et al. 2023).

Shapes: B images of H x W pixels, L patches in a grid of (rows, columns), width C, K classes, M
patches in the bank.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from .knn import nearest_neighbours
from .mean_iou import IGNORED


def class_shares(maps: Tensor, grid: tuple[int, int], num_classes: int) -> Tensor:
    """Return the share of each class among the labelled pixels of each patch.

    Args:
        maps: Classes of pixels, (B, H, W) int64; 255 is no class. H and W are multiples
            of the grid.
        grid: Rows and columns.
        num_classes: K.

    Returns:
        (B, L, K) float32. A patch without a labelled pixel has zeros.
    """
    (batch, height, width), (rows, columns) = maps.shape, grid
    pixels = maps.reshape(batch, rows, height // rows, columns, width // columns)
    patches = pixels.transpose(2, 3).reshape(batch * rows * columns, -1)
    counts = patches.new_zeros(len(patches), num_classes + 1)  # the last column: ignored
    classes = patches.masked_fill(patches == IGNORED, num_classes)
    counts.scatter_add_(1, classes, torch.ones_like(classes))
    counts = counts[:, :num_classes].view(batch, rows * columns, num_classes).float()
    return counts / counts.sum(dim=2, keepdim=True).clamp(min=1)


def pick_patches(
    shares: Tensor, count: int, generator: np.random.Generator, sampling: str = 'rare'
) -> Tensor:
    """Return the numbers of the patches of one image that go into the bank, rising.

    Args:
        shares: Of :func:`class_shares`, (L, K). Patches without a class are left out.
        count: At most so many patches.
        generator: Draws a number u of [0, 1) for each patch.
        sampling: ``'rare'``: the patches with the least u s, where s sums over the classes in a
            patch how many patches of the image have the class. So rare classes are found more
            often (Hummingbird). ``'uniform'``: those with the least u.
    """
    present = (shares > 0).double()
    scores = torch.from_numpy(generator.random(len(shares)))
    if sampling == 'rare':
        scores *= present @ present.sum(dim=0)
    known = present.any(dim=1).nonzero()[:, 0]
    order = scores[known].argsort(stable=True)[:count]
    return known[order].sort().values


def label_by_neighbours(
    queries: Tensor, bank: Tensor, shares: Tensor, k: int = 30, temperature: float = 0.02
) -> Tensor:
    """Return the soft labels (N, K) of patches: cross-attention over their nearest neighbours.

    Args:
        queries: Features, (N, C).
        bank: Features, L2-normalised, (M, C).
        shares: Classes of the bank's patches, (M, K).
        k: Neighbours, at most M.
        temperature: Neighbours weigh softmax(cosine / temperature).
    """
    cosines, rows = nearest_neighbours(bank, F.normalize(queries, dim=-1), k)
    weights = (cosines / temperature).softmax(dim=1)
    return (weights[..., None] * shares[rows]).sum(dim=1)
