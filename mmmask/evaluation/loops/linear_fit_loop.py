"""Train a linear classifier on kept features and measure it, as a test loop."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from mmengine.runner import Runner
from mmpretrain.registry import LOOPS
from torch import nn
from torch.utils.data import DataLoader

from mmmask.utils.errors import UserError

from ..linear_fit import fit_linear
from ..loader import build_loader, shared_classes
from ..ranks import label_ranks, top_outcomes
from .loop import VectorLoop


@LOOPS.register_module()
class LinearFitLoop(VectorLoop):
    """Train a linear classifier on features that are computed once (AttMask, Table A12).

    The network sees each training image and its mirror image once, however many epochs follow.
    Every rank trains the same classifier. Metrics are ``linear/top1`` and ``linear/top5`` of the
    test set, in per cent; top-5 is left out where there are five classes or fewer.

    Args:
        runner: The runner.
        dataloader: The test set.
        evaluator: Must be empty.
        bank_dataloader: The images to train on; neither augmented nor shuffled.
        flip: Whether mirror images are trained on, too.
        epochs: See `fit_linear`.
        lr: See `fit_linear`.
        batch_size: See `fit_linear`.
        momentum: See `fit_linear`.
        seed: See `fit_linear`. None: the run's.
        **options: See `VectorLoop`.

    Raises:
        UserError: If a number isn't positive, or the data sets name different classes.
    """

    def __init__(
        self,
        runner: Runner,
        dataloader: DataLoader | dict,
        evaluator: Sequence,
        bank_dataloader: dict,
        flip: bool = True,
        epochs: int = 50,
        lr: float = 0.01,
        batch_size: int = 1024,
        momentum: float = 0.9,
        seed: int | None = None,
        **options,
    ) -> None:
        super().__init__(runner, dataloader, evaluator, **options)
        if self.read['token'] == 'patches':
            raise UserError(
                "a linear classifier takes one vector an image: token='gap' is the mean"
            )
        if min(epochs, lr, batch_size) <= 0:
            raise UserError(
                f'epochs, lr and batch_size must be positive, not {epochs}, {lr} and {batch_size}'
            )
        self.fit = dict(epochs=epochs, lr=lr, batch_size=batch_size, momentum=momentum)
        self.seed = runner.seed if seed is None else seed
        self.bank_dataloader = build_loader(runner, bank_dataloader)
        self.flip = flip
        self.num_classes = shared_classes(self.bank_dataloader, self.dataloader)

    def measure(self, model: nn.Module) -> dict[str, float]:
        """Train, and return the metrics."""
        device = next(model.parameters()).device
        features, labels = self.vectors(self.bank_dataloader, 'training set', self.flip)
        features, mirrored = features.unbind(dim=1) if self.flip else (features, None)
        test, truth = self.vectors(self.dataloader, 'test set')
        linear = fit_linear(
            features, labels, self.num_classes, mirrored, **self.fit, seed=self.seed, device=device
        )
        parts = zip(test.split(self.fit['batch_size']), truth.split(self.fit['batch_size']))
        ranks = [label_ranks(linear(part.to(device)), own.to(device)) for part, own in parts]
        right = top_outcomes(torch.cat(ranks), self.num_classes)
        self.outcomes = {f'linear/top{top}': images.numpy() for top, images in right.items()}
        return {name: float(images.mean()) for name, images in self.outcomes.items()}

    def values(self) -> dict:
        """Return how the classifier is trained, and what stands for an image."""
        return dict(**self.fit, seed=self.seed, flip=self.flip, **self.read)
