"""Classify by the weighted vote of the nearest neighbours (Wu et al. 2018, as DINO uses it)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from mmengine.dist import all_reduce, get_rank, get_world_size
from mmengine.logging import MMLogger
from torch import Tensor
from torch.nn import functional as F
from torch.utils.data import DataLoader

from mmmask.utils.errors import UserError

from .loader import shared_classes
from .ranks import label_ranks, reported_tops

DINO_KS = (10, 20, 100, 200)

BLOCK = 1 << 26
"""Similarities that are computed at a time: 256 MiB."""


def choose_ks(ks: int | Sequence[int] | None, bank_size: int) -> tuple[int, ...]:
    """Return the numbers of neighbours to report.

    Args:
        ks: The user's; None: those of DINO's 10, 20, 100, 200 that the bank allows, or the whole
            bank if it has fewer than 10 images.
        bank_size: Images in the bank.

    Raises:
        UserError: If the bank is empty, or a k is not positive, given twice or above the bank.
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


def nearest_neighbours(
    bank: Tensor, queries: Tensor, k: int, block: int = BLOCK
) -> tuple[Tensor, Tensor]:
    """Return the k rows of the bank with the largest inner product with each query.

    The search is exact. Equal similarities come in the order of the bank, so the first j columns
    are the answer for every j <= k.

    Args:
        bank: (N, C).
        queries: (Q, C), on the same device.
        k: Neighbours of each query, at most N.
        block: Similarities that are held at a time. A few queries are compared with the whole bank,
            or 64 with as much of a larger one: to merge the best of several blocks takes time.

    Returns:
        Similarities (Q, k), falling, and rows of the bank (Q, k), int64.
    """
    size = max(1, min(len(queries), max(64, block // len(bank))))
    width = min(len(bank), max(1, block // size))
    space = queries.new_empty(size * width)  # once: new pages cost time
    best = queries.new_empty(len(queries), k)
    rows = torch.empty(len(queries), k, dtype=torch.long, device=queries.device)
    for start in range(0, len(queries), size):
        some = slice(start, start + size)
        best[some], rows[some] = _search(bank, queries[some], k, space, width)
    return best, rows


def _search(
    bank: Tensor, queries: Tensor, k: int, space: Tensor, width: int
) -> tuple[Tensor, Tensor]:
    """Search in ``width`` rows of the bank at a time; their similarities are put into ``space``."""
    best = queries.new_empty(len(queries), 0)
    rows = torch.empty(len(queries), 0, dtype=torch.long, device=queries.device)
    for start in range(0, len(bank), width):
        part = bank[start : start + width]
        block = space[: len(queries) * len(part)].view(len(queries), -1)
        similarities, columns = _largest(torch.matmul(queries, part.T, out=block), k)
        # Stable: among equals, the best of earlier blocks stay in front of this block's.
        both = torch.cat((best, similarities), dim=1)
        best, order = both.sort(dim=1, descending=True, stable=True)
        rows = torch.cat((rows, columns + start), dim=1).gather(1, order[:, :k])
        best = best[:, :k]
    return best, rows


def _largest(block: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """Return the k largest of each row of (Q, n) and their columns; equal ones in their order.

    ``topk`` returns equal values in any order. Where the value after the k-th equals it, others
    might as well have been returned: such rows are sorted as a whole.
    """
    values, columns = block.topk(min(k + 1, block.shape[1]), dim=1)
    equal = values[:, 1:] == values[:, :-1]
    tied = equal.any(dim=1).nonzero()[:, 0]
    ordered, order = columns[tied].sort(dim=1)
    order = values[tied].gather(1, order).sort(dim=1, descending=True, stable=True).indices
    columns[tied] = ordered.gather(1, order)
    cut = equal[:, k - 1 :].any(dim=1).nonzero()[:, 0]
    if len(cut):
        whole = block[cut].sort(dim=1, descending=True, stable=True).indices
        columns[cut] = whole[:, : columns.shape[1]]
    return values[:, :k], columns[:, :k]


def class_votes(
    similarities: Tensor, labels: Tensor, num_classes: int, temperature: float
) -> Tensor:
    r"""Sum the votes of the neighbours for each class, :math:`\sum_i \exp(s_i / T) [y_i = c]`.

    A query's votes are divided by its largest one, which changes no order and cannot overflow. They
    are counted in integer steps of 2^-(62 - log2 k), finer than float64. So a sum doesn't depend on
    its order, which is random on a GPU, and equal votes are exactly equal.

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
    bank: Tensor,
    bank_labels: Tensor,
    queries: Tensor,
    num_classes: int,
    ks: int | Sequence[int] | None = None,
    temperature: float = 0.07,
    chunk_size: int = 4096,
) -> Iterator[dict[int, Tensor]]:
    """Yield the votes for every k, in blocks of queries; one search serves all k.

    Args:
        bank: Features (N, C) of labelled images, in any scale: rows are L2-normalised here.
        bank_labels: (N,) int64.
        queries: Features (Q, C) of the images to classify.
        num_classes: Classes.
        ks: Numbers of neighbours, see :func:`choose_ks`.
        temperature: T of the votes.
        chunk_size: Queries that vote at a time.

    Yields:
        {k: (at most chunk_size, num_classes) int64}, in the order of the queries.

    Raises:
        UserError: If features are not finite, which a diverged network gives. If labels or a k are
            out of range, or the temperature or chunk_size isn't positive.
    """
    ks = choose_ks(ks, len(bank))
    if temperature <= 0:
        raise UserError(f'the temperature of the votes must be positive, not {temperature}')
    if chunk_size < 1:
        raise UserError(f'chunk_size must be at least 1, not {chunk_size}')
    for name, features in (('bank', bank), ('queries', queries)):
        if not features.isfinite().all():
            raise UserError(f'the features of the {name} are not finite: the network has diverged')
    if not 0 <= int(bank_labels.min()) <= int(bank_labels.max()) < num_classes:
        raise UserError(f'labels of the bank are not in 0 ... {num_classes - 1}')
    bank = F.normalize(bank.float(), dim=1)
    for block in F.normalize(queries.float(), dim=1).split(chunk_size):
        similarities, rows = nearest_neighbours(bank, block, max(ks))
        labels = bank_labels[rows]
        yield {
            k: class_votes(similarities[:, :k], labels[:, :k], num_classes, temperature) for k in ks
        }


def vote_ranks(votes: Tensor, labels: Tensor) -> Tensor:
    """Count the classes that come before the true one by their votes, (Q,) int64.

    See :func:`~mmmask.evaluation.ranks.label_ranks`. But a true class without a vote comes last: it
    is no prediction, even if fewer than five classes have votes.

    Args:
        votes: (Q, C).
        labels: True classes, (Q,).
    """
    voted = votes.gather(1, labels[:, None])[:, 0] > 0
    return torch.where(voted, label_ranks(votes, labels), votes.shape[1])


class KNNProtocol:
    """Measure the weighted k-NN accuracy of frozen features.

    All ranks have all features; each rank classifies its share of the queries.

    Args:
        k: Numbers of neighbours, see :func:`choose_ks`. A line in the log
            names the default ones that the bank is too small for.
        temperature: T of the votes exp(similarity / T).
        chunk_size: Queries that vote at a time; changes memory, not results.
    """

    def __init__(
        self,
        k: int | Sequence[int] | None = None,
        temperature: float = 0.07,
        chunk_size: int = 4096,
    ) -> None:
        self.k, self.temperature, self.chunk_size = k, temperature, chunk_size

    def check(self, bank: DataLoader, queries: DataLoader) -> int:
        """Check all that needs no forward pass; return the number of classes.

        Raises:
            UserError: If the two data sets name different classes, one is empty, or a k is out of
                range.
        """
        num_classes = shared_classes(bank, queries)
        if len(queries.dataset) == 0:
            raise UserError('the data set of the queries is empty')
        ks = choose_ks(self.k, len(bank.dataset))
        if self.k is None and (left_out := set(DINO_KS) - set(ks)):
            MMLogger.get_current_instance().info(
                f'k-NN: a bank of {len(bank.dataset)} images is too small for k = '
                f'{", ".join(map(str, sorted(left_out)))}; reported: {", ".join(map(str, ks))}'
            )
        return num_classes

    def evaluate(
        self,
        bank: tuple[Tensor, Tensor],
        queries: tuple[Tensor, Tensor],
        num_classes: int,
        device: torch.device | str = 'cpu',
    ) -> dict[str, float]:
        """Return the accuracy in per cent, the same on all ranks: {'knn/top1_k20': ..., ...}.

        An image of a class that the bank doesn't hold is wrong. Top-5 is left out where there are
        five classes or fewer. ``outcomes`` keeps each query's 100 or 0, under the metrics' names.

        Args:
            bank: Features (N, C) and labels (N,), as :func:`extract_features` gives them.
            queries: Features (Q, C) and labels (Q,).
            num_classes: Classes.
            device: Where the search runs.

        Raises:
            UserError: If a data set has no labels.
        """
        for name, (_, labels) in (('bank', bank), ('queries', queries)):
            if labels is None:
                raise UserError(f'k-NN {name}: the data set has no labels')
        share = slice(get_rank(), None, get_world_size())
        features, labels = (part[share].to(device) for part in queries)
        ks = choose_ks(self.k, len(bank[0]))
        tops = reported_tops(num_classes)
        blocks = iter_votes(
            *(part.to(device) for part in bank),
            features,
            num_classes,
            ks,
            self.temperature,
            self.chunk_size,
        )
        mine = [
            torch.stack([vote_ranks(of_k, truth) for of_k in votes.values()])
            for votes, truth in zip(blocks, labels.split(self.chunk_size))
        ]
        ranks = torch.zeros(len(ks), len(queries[1]), dtype=torch.int32, device=device)
        ranks[:, share] = torch.cat(mine, dim=1).int()
        all_reduce(ranks)
        right = {f'knn/top{t}_k{k}': of_k < t for k, of_k in zip(ks, ranks.cpu()) for t in tops}
        self.outcomes = {name: 100.0 * images.numpy() for name, images in right.items()}
        return {name: 100.0 * int(images.sum()) / len(images) for name, images in right.items()}
