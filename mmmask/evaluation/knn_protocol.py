"""k-NN of frozen features: two data sets, one vote, on one or several ranks."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from mmengine.dist import all_reduce, get_rank, get_world_size
from mmengine.logging import MMLogger
from torch.utils.data import DataLoader

from mmmask.utils.errors import UserError

from .features import FeatureEncoder, extract_features
from .knn import DINO_KS, choose_ks, iter_votes, label_ranks


class KNNProtocol:
    """Measure the weighted k-NN accuracy of frozen features.

    All ranks gather all features; each rank classifies its share of the queries.

    Args:
        k: Numbers of neighbours, see :func:`~mmmask.evaluation.knn.choose_ks`. A line in the log
            names the default ones that the bank is too small for.
        temperature: T of the votes exp(similarity / T).
        chunk_size: Images of a block of the search; changes memory, not results.
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
        classes = [loader.dataset.metainfo.get('classes') for loader in (bank, queries)]
        if None in classes:
            raise UserError('k-NN needs data sets that name their classes (metainfo.classes)')
        if list(classes[0]) != list(classes[1]):
            raise UserError(
                f'the bank has {len(classes[0])} classes ({classes[0][0]}, ...), the queries have '
                f'{len(classes[1])} ({classes[1][0]}, ...): they must be the same'
            )
        if len(queries.dataset) == 0:
            raise UserError('the data set of the queries is empty')
        ks = choose_ks(self.k, len(bank.dataset))
        if self.k is None and (left_out := set(DINO_KS) - set(ks)):
            MMLogger.get_current_instance().info(
                f'k-NN: a bank of {len(bank.dataset)} images is too small for k = '
                f'{", ".join(map(str, sorted(left_out)))}; reported: {", ".join(map(str, ks))}'
            )
        return len(classes[0])

    def evaluate(
        self, bank: DataLoader, queries: DataLoader, encode: FeatureEncoder
    ) -> dict[str, float]:
        """Return the accuracy in per cent, the same on all ranks: {'knn/top1_k20': ..., ...}.

        An image of a class that the bank doesn't hold is wrong. Top-5 is left out where there are
        five classes or fewer.
        """
        num_classes = self.check(bank, queries)
        labelled = extract_features(bank, encode, 'k-NN bank')
        features, labels = extract_features(queries, encode, 'k-NN queries')
        share = slice(get_rank(), None, get_world_size())
        ks = choose_ks(self.k, len(bank.dataset))
        tops = [top for top in (1, 5) if top == 1 or top < num_classes]
        correct = {(k, top): 0 for k in ks for top in tops}
        blocks = iter_votes(
            *labelled, features[share], num_classes, ks, self.temperature, self.chunk_size
        )
        for votes, truth in zip(blocks, labels[share].split(self.chunk_size)):
            for k, of_k in votes.items():
                ranks = label_ranks(of_k, truth)
                for top in tops:
                    correct[k, top] += int((ranks < top).sum())
        counts = torch.tensor(list(correct.values()), device=encode.device)
        all_reduce(counts)
        percent = (100.0 * counts.double() / len(labels)).tolist()
        return {f'knn/top{top}_k{k}': value for (k, top), value in zip(correct, percent)}
