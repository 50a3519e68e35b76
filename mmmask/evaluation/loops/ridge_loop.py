"""Run ridge classifiers of a few labelled images of each class as a test loop."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from mmengine.runner import Runner
from mmpretrain.registry import LOOPS
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader

from mmmask.utils.errors import UserError

from ..few_shot import draw_few, mean_and_spread, mean_outcomes
from ..loader import build_loader, shared_classes
from ..ranks import label_ranks, top_outcomes
from ..ridge import PENALTIES, fit_ridge
from .loop import VectorLoop

CHUNK = 4096
"""Images that are classified at a time."""


@LOOPS.register_module()
class RidgeLoop(VectorLoop):
    """Measure ridge classifiers of few labelled images, drawn several times, on the test set.

    Metrics are means over the draws, with their sample standard deviation: ``ridge/top1_5shot``,
    ``ridge/top1_5shot_std``, and ``ridge/log10_penalty_5shot``. Top-5 is left out where there are
    five classes or fewer. Features are scaled to length 1.

    Args:
        runner: The runner.
        dataloader: The test set.
        evaluator: Must be empty.
        bank_dataloader: The images to draw from; not augmented, not shuffled.
        shots: Images of each class, each number of its own classifiers.
        draws: Classifiers of each size.
        seed: Seed of the draws, not the run's. So all checkpoints get the same images, and few-shot
            k-NN does, too.
        penalty: 'loo' chooses the penalty of each draw by leaving out one of *its* images at a
            time, see `fit_ridge`. The test set has no say. Or a number above 0.
        **options: See `VectorLoop`.

    Raises:
        UserError: If a number isn't positive, a class has fewer images than shots, or the two data
            sets name different classes.
    """

    def __init__(
        self,
        runner: Runner,
        dataloader: DataLoader | dict,
        evaluator: Sequence,
        bank_dataloader: DataLoader | dict,
        shots: Sequence[int] = (1, 5, 10, 20),
        draws: int = 5,
        seed: int = 0,
        penalty: float | str = 'loo',
        **options,
    ) -> None:
        super().__init__(runner, dataloader, evaluator, **options)
        self.bank_dataloader = build_loader(runner, bank_dataloader)
        self.shots, self.draws, self.seed, self.penalty = tuple(shots), draws, seed, penalty
        if draws < 1 or not self.shots or min(self.shots) < 1:
            raise UserError(f'shots and draws must be positive, not {self.shots} and {draws}')
        if penalty != 'loo' and not (isinstance(penalty, (int, float)) and penalty > 0):
            raise UserError(f"penalty must be 'loo' or a number above 0, not {penalty!r}")
        if self.read['token'] == 'patches':
            raise UserError("a ridge classifier takes one vector an image: token='gap' is the mean")
        self.num_classes = shared_classes(self.bank_dataloader, self.dataloader)
        labels = self.bank_dataloader.dataset.get_gt_labels()
        draw_few(labels, max(self.shots), seed, 0)  # there are enough

    def measure(self, model: nn.Module) -> dict[str, float]:
        """Return means and deviations in per cent."""
        device = next(model.parameters()).device
        bank, labels = self.vectors(self.bank_dataloader, 'ridge bank')
        test, truth = self.vectors(self.dataloader, 'ridge test')
        bank, test = (F.normalize(features.double()) for features in (bank, test))
        penalties = PENALTIES if self.penalty == 'loo' else (float(self.penalty),)
        metrics, self.outcomes = {}, {}
        for shots in self.shots:
            drawn, right = [], []
            for draw in range(self.draws):
                rows = draw_few(labels, shots, self.seed, draw)
                few, own = bank[rows].to(device), labels[rows].to(device)
                ridge = fit_ridge(few, own, self.num_classes, penalties)
                ranks = [
                    label_ranks(part.to(device) @ ridge.weights + ridge.bias, own.to(device))
                    for part, own in zip(test.split(CHUNK), truth.split(CHUNK))
                ]
                of_draw = top_outcomes(torch.cat(ranks), self.num_classes)
                right.append({f'ridge/top{t}_{shots}shot': row for t, row in of_draw.items()})
                drawn.append({name: float(images.mean()) for name, images in right[-1].items()})
                drawn[-1][f'ridge/log10_penalty_{shots}shot'] = math.log10(ridge.penalty)
            metrics |= mean_and_spread(drawn)
            self.outcomes |= mean_outcomes(right)
        return metrics

    def values(self) -> dict:
        """Return what stands for an image, how shots are drawn, and the penalty."""
        own = dict(shots=self.shots, draws=self.draws, seed=self.seed, penalty=self.penalty)
        return dict(**own, features='scaled to length 1', **self.read)
