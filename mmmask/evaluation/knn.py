"""Weighted k-nearest-neighbour classification (Wu et al. 2018, as DINO uses it)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from mmmask.utils.errors import UserError

from .neighbours import nearest_neighbours

DINO_KS = (10, 20, 100, 200)


def choose_ks(ks: int | Sequence[int] | None, bank_size: int) -> tuple[int, ...]:
    """The numbers of neighbours to report.

    Args:
        ks: What the user asks for; None: those of DINO's 10, 20, 100, 200 that the bank allows, or
            the whole bank where it has fewer than 10 images.
        bank_size: Images in the bank.

    Raises:
        UserError: If a k is asked for that is not positive, is double, or exceeds the bank.
    """
    if bank_size < 1:
        raise UserError('k-NN needs a bank of labelled images, but its data set is empty')
    if ks is None:
        return tuple(k for k in DINO_KS if k <= bank_size) or (bank_size,)
    ks = (ks,) if isinstance(ks, int) else tuple(ks)
    if not ks or min(ks) < 1 or len(set(ks)) < len(ks):
        raise UserError(f'k must be one or several different positive numbers, not {ks}')
    if max(ks) > bank_size:
        raise UserError(
            f'k = {max(ks)} exceeds the bank of {bank_size} images: choose a smaller k, or k=None '
            'for those of 10, 20, 100 and 200 that fit'
        )
    return ks


def class_votes(
    similarities: Tensor, labels: Tensor, num_classes: int, temperature: float
) -> Tensor:
    r"""Votes of the neighbours for their classes, :math:`\sum_i \exp(s_i / T) [y_i = c]`.

    The votes of a query are divided by its largest one, which changes no order and cannot overflow,
    and counted in fixed point, so that the sum doesn't depend on its order (on a GPU it is random)
    and equal votes are exactly equal. The step is 2^-(62 - log2 k) of the largest vote: finer than
    float64 sums. A neighbour always has at least one step.

    Args:
        similarities: (Q, k) cosine similarities.
        labels: (Q, k) classes of the neighbours, int64.
        num_classes: C.
        temperature: T > 0.

    Returns:
        (Q, C) int64; 0: no neighbour is of that class.
    """
    unit = 2.0 ** (62 - similarities.shape[1].bit_length())
    distances = similarities.double() - similarities.max(dim=1, keepdim=True).values.double()
    votes = ((distances / temperature).exp() * unit).round().long().clamp_(min=1)
    sums = torch.zeros(len(votes), num_classes, dtype=torch.long, device=votes.device)
    return sums.scatter_add_(1, labels, votes)


def iter_votes(
    train_features: Tensor,
    train_labels: Tensor,
    test_features: Tensor,
    ks: int | Sequence[int] | None = None,
    temperature: float = 0.07,
    num_classes: int | None = None,
    chunk_size: int = 4096,
) -> Iterator[dict[int, Tensor]]:
    """`class_votes` for every k, one search for all of them, in blocks of test images.

    Args:
        train_features: The bank, (N, C), in any scale: rows are L2-normalised here.
        train_labels: (N,) int64.
        test_features: (Q, C).
        ks: Numbers of neighbours, see `choose_ks`.
        temperature: T of the votes.
        num_classes: Classes; None: as many as the bank's labels show.
        chunk_size: Images of a block.

    Yields:
        {k: (at most chunk_size, num_classes) int64}, in the order of the test images.

    Raises:
        UserError: If features are not finite (the network has diverged), labels are out of range,
            the temperature or chunk_size isn't positive, or a k is out of range.
    """
    ks = choose_ks(ks, len(train_features))
    if temperature <= 0:
        raise UserError(f'the temperature of the votes must be positive, not {temperature}')
    if chunk_size < 1:
        raise UserError(f'chunk_size must be at least 1, not {chunk_size}')
    for name, features in (('bank', train_features), ('test images', test_features)):
        if not features.isfinite().all():
            raise UserError(f'the features of the {name} are not finite: the network has diverged')
    num_classes = int(train_labels.max()) + 1 if num_classes is None else num_classes
    if not 0 <= int(train_labels.min()) <= int(train_labels.max()) < num_classes:
        raise UserError(f'labels of the bank are not in 0 ... {num_classes - 1}')
    bank = F.normalize(train_features.float(), dim=1)
    for queries in F.normalize(test_features.float(), dim=1).split(chunk_size):
        similarities, rows = nearest_neighbours(bank, queries, max(ks), chunk_size)
        labels = train_labels[rows]
        yield {
            k: class_votes(similarities[:, :k], labels[:, :k], num_classes, temperature) for k in ks
        }


def knn_predict(*args, **kwargs) -> dict[int, Tensor]:
    """The class with the most votes, the lowest among equals: {k: (Q,) int64}.

    Arguments are those of `iter_votes`.
    """
    blocks = list(iter_votes(*args, **kwargs))
    return {k: torch.cat([votes[k].argmax(dim=1) for votes in blocks]) for k in blocks[0]}


def label_ranks(votes: Tensor, labels: Tensor) -> Tensor:
    """How many classes come before the true one, (Q,) int64.

    Among equal votes the lower class comes first. A true class without a vote comes last: it is no
    prediction, even where fewer than five classes have votes.

    Args:
        votes: (Q, C).
        labels: True classes, (Q,).
    """
    own = votes.gather(1, labels[:, None])
    lower = torch.arange(votes.shape[1], device=votes.device) < labels[:, None]
    ranks = ((votes > own) | ((votes == own) & lower)).sum(dim=1)
    return torch.where(own[:, 0] > 0, ranks, votes.shape[1])


def knn_correct(
    train_features: Tensor,
    train_labels: Tensor,
    test_features: Tensor,
    test_labels: Tensor,
    ks: int | Sequence[int] | None = None,
    temperature: float = 0.07,
    num_classes: int | None = None,
    chunk_size: int = 4096,
) -> dict[str, int]:
    """Test images whose class is among the first one or five by votes: {'top1_k20': count, ...}.

    Top-5 is left out where there are five classes or fewer.

    Args:
        test_labels: True classes of the test images, (Q,) int64; an image of a class that the bank
            doesn't hold is wrong.
        num_classes: Classes; None: as many as the labels show.
        *: As in `iter_votes`.
    """
    ks = choose_ks(ks, len(train_features))
    if num_classes is None:
        num_classes = int(torch.cat((train_labels, test_labels)).max()) + 1
    tops = [top for top in (1, 5) if top == 1 or top < num_classes]
    correct = {f'top{top}_k{k}': 0 for k in ks for top in tops}
    bank = (train_features, train_labels)
    blocks = iter_votes(*bank, test_features, ks, temperature, num_classes, chunk_size)
    for block, labels in zip(blocks, test_labels.split(chunk_size)):
        for k, votes in block.items():
            ranks = label_ranks(votes, labels)
            for top in tops:
                correct[f'top{top}_k{k}'] += int((ranks < top).sum())
    return correct


def knn_accuracy(*args, **kwargs) -> dict[str, float]:
    """`knn_correct` in per cent of the test images, with the same arguments."""
    test_labels = args[3] if len(args) > 3 else kwargs['test_labels']
    correct = knn_correct(*args, **kwargs)
    return {name: 100.0 * count / len(test_labels) for name, count in correct.items()}
