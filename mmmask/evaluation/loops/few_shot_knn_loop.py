"""Run k-NN with a few labelled images of each class as a test loop."""

from __future__ import annotations

from collections.abc import Sequence

from mmpretrain.registry import LOOPS
from torch import nn

from mmmask.utils.errors import UserError

from ..few_shot import draw_few, mean_and_spread, mean_outcomes
from ..knn import choose_ks
from .knn_loop import KNNLoop


@LOOPS.register_module()
class FewShotKNNLoop(KNNLoop):
    """Measure k-NN with banks of a few images of each class, drawn several times.

    All draws come from the features of the whole bank, which are computed once. Metrics are means
    over the draws, with their sample standard deviation: ``knn/top1_k10_5shot`` and
    ``knn/top1_k10_5shot_std``.

    Args:
        *args: Those of `KNNLoop`.
        shots: Images of each class, each number of its own banks.
        draws: Banks of each size.
        seed: Seed of the draws, not the run's. So all checkpoints get the same images.
        **options: Those of `KNNLoop`.

    Raises:
        UserError: If a class has fewer images than shots, or a k exceeds the smallest bank.
    """

    def __init__(
        self,
        *args,
        shots: Sequence[int] = (1, 5, 10, 20),
        draws: int = 5,
        seed: int = 0,
        **options,
    ) -> None:
        super().__init__(*args, **options)
        self.shots, self.draws, self.seed = tuple(shots), draws, seed
        if draws < 1 or not self.shots or min(self.shots) < 1:
            raise UserError(f'shots and draws must be positive, not {self.shots} and {draws}')
        labels = self.bank_dataloader.dataset.get_gt_labels()
        smallest = len(draw_few(labels, max(self.shots), seed, 0)) // max(self.shots)
        choose_ks(self.protocol.k, smallest * min(self.shots))

    def measure(self, model: nn.Module) -> dict[str, float]:
        """Return means and deviations in per cent."""
        bank, labels = self.vectors(self.bank_dataloader, 'k-NN bank')
        queries = self.vectors(self.dataloader, 'k-NN queries')
        device = next(model.parameters()).device
        metrics, self.outcomes = {}, {}
        for shots in self.shots:
            drawn, right = [], []
            for draw in range(self.draws):
                rows = draw_few(labels, shots, self.seed, draw)
                few = (bank[rows], labels[rows])
                found = self.protocol.evaluate(few, queries, self.num_classes, device)
                drawn.append(_named(found, shots))
                right.append(_named(self.protocol.outcomes, shots))
            metrics |= mean_and_spread(drawn)
            self.outcomes |= mean_outcomes(right)
        return metrics

    def values(self) -> dict:
        """Return those of k-NN, and how the banks are drawn."""
        own = dict(shots=self.shots, draws=self.draws, seed=self.seed)
        return {**super().values(), 'k': self.protocol.k, **own}


def _named(found: dict, shots: int) -> dict:
    """Return the values of k-NN with the shots in their names."""
    return {f'{name}_{shots}shot': value for name, value in found.items()}
