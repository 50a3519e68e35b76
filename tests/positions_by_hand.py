"""Position embeddings at another size, written out."""

import math

import torch


def cubic(distance):
    """Keys' kernel with a = -0.75, as torch's bicubic interpolation."""
    d = abs(distance)
    if d <= 1:
        return 1.25 * d**3 - 2.25 * d**2 + 1
    return -0.75 * d**3 + 3.75 * d**2 - 6 * d + 3 if d < 2 else 0.0


def weights_by_hand(source, target, offset):
    """(target, source): what each new patch takes of each old one; the border is repeated."""
    weights = torch.zeros(target, source, dtype=torch.float64)
    for new in range(target):
        place = (new + 0.5) * source / (target + offset) - 0.5
        for old in range(math.floor(place) - 1, math.floor(place) + 3):
            weights[new, min(max(old, 0), source - 1)] += cubic(place - old)
    return weights


def resized_by_hand(embedding, source, target, offset):
    """Resize (1, 1 + h w, C) to another grid; DINO's code has an offset of 0.1, others of 0."""
    maps = embedding[0, 1:].unflatten(0, source)  # rows, columns, C
    rows, columns = (weights_by_hand(s, t, offset) for s, t in zip(source, target))
    maps = torch.einsum('ir,jc,rcd->ijd', rows, columns, maps)
    return torch.cat((embedding[:, :1], maps.flatten(0, 1)[None]), dim=1)
