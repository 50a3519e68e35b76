"""Train a linear classifier on features that are already there."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mmmask.utils.errors import DivergedError
from mmmask.utils.progress import Progress


def fit_linear(
    features: Tensor,
    labels: Tensor,
    num_classes: int,
    mirrored: Tensor | None = None,
    epochs: int = 50,
    lr: float = 0.01,
    batch_size: int = 1024,
    momentum: float = 0.9,
    seed: int = 0,
    device: torch.device | str = 'cpu',
) -> nn.Linear:
    """Return a classifier that SGD has trained, without weight decay, by a cosine to 0.

    The rate changes with the epoch. Weights start at N(0, 0.01), biases at 0, as DINO's.

    Args:
        features: (N, C).
        labels: (N,) int64.
        num_classes: How many classes there are.
        mirrored: (N, C), features of the mirror images: in each epoch an image gives the one or the
            other, by chance. None: never.
        epochs: Passes over the features.
        lr: The first rate, of a batch.
        batch_size: Rows of a step; the last step of an epoch has what is left.
        momentum: Of SGD.
        seed: Of the first weights, the order and the choice of mirror images.
        device: Where to train; features go there batch by batch.

    Raises:
        DivergedError: If the loss is no longer finite.
    """
    generator = torch.Generator().manual_seed(seed)
    linear = nn.Linear(features.shape[1], num_classes, dtype=features.dtype)
    nn.init.normal_(linear.weight, std=0.01, generator=generator)
    nn.init.zeros_(linear.bias)
    linear.to(device)
    optimizer = torch.optim.SGD(linear.parameters(), lr, momentum)
    progress = Progress('linear classifier, epochs', epochs)
    for epoch in range(epochs):
        optimizer.param_groups[0]['lr'] = lr * (1 + math.cos(math.pi * epoch / epochs)) / 2
        for rows in torch.randperm(len(features), generator=generator).split(batch_size):
            rows = rows.sort().values  # in the order of the file, if they are in one
            batch = features[rows]
            if mirrored is not None:
                mirror = torch.rand(len(rows), generator=generator) < 0.5
                batch[mirror] = mirrored[rows[mirror]]
            loss = F.cross_entropy(linear(batch.to(device)), labels[rows].to(device))
            if not loss.isfinite():
                raise DivergedError(
                    f'the loss of the linear classifier is {loss.item()} in epoch {epoch + 1}: '
                    f'lower its lr, {lr:g}'
                )
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        progress.advance(1)
    return linear.requires_grad_(False)
