"""The k-NN protocol: features of two data sets, one vote."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from mmengine.dist import all_reduce, get_rank, get_world_size
from mmengine.logging import MMLogger
from torch.utils.data import DataLoader

from mmmask.utils.errors import UserError

from .features import FeatureEncoder, extract_features
from .knn import DINO_KS, choose_ks, knn_correct


class KNNProtocol:
    """Weighted k-NN accuracy of frozen features, on one or several ranks.

    Features are gathered on all ranks, each rank classifies its share of the queries.

    Args:
        k: Numbers of neighbours, each at most the size of the bank. None: those of DINO's 10, 20,
            100 and 200 that the bank allows; the others are left out with a line in the log.
        temperature: T of the votes exp(similarity / T).
        chunk_size: Images of a block of the search.
    """

    def __init__(
        self,
        k: int | Sequence[int] | None = None,
        temperature: float = 0.07,
        chunk_size: int = 4096,
    ) -> None:
        self.k, self.temperature, self.chunk_size = k, temperature, chunk_size

    def check(self, bank: DataLoader, queries: DataLoader) -> int:
        """Number of classes, after the checks that need no forward pass.

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
        """Accuracy in per cent, the same on all ranks: {'knn/top1_k20': ..., ...}."""
        num_classes = self.check(bank, queries)
        bank_features, bank_labels = extract_features(bank, encode, 'k-NN bank')
        features, labels = extract_features(queries, encode, 'k-NN queries')
        share = slice(get_rank(), None, get_world_size())
        correct = knn_correct(
            bank_features,
            bank_labels,
            features[share],
            labels[share],
            ks=choose_ks(self.k, len(bank_labels)),
            temperature=self.temperature,
            num_classes=num_classes,
            chunk_size=self.chunk_size,
        )
        counts = torch.tensor(list(correct.values()), device=encode.device)
        all_reduce(counts)
        percent = (100.0 * counts.double() / len(labels)).tolist()
        return {f'knn/{name}': value for name, value in zip(correct, percent)}
