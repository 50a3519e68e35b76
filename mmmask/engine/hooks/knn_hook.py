"""Measure k-NN accuracy in the course of pre-training."""

from __future__ import annotations

from collections.abc import Sequence

from mmengine.runner import Runner
from mmpretrain.registry import HOOKS

from mmmask.evaluation.features import extract_features
from mmmask.evaluation.knn import KNNProtocol
from mmmask.evaluation.loader import build_loader
from mmmask.utils.errors import UserError

from .feature_hook import FeatureHook
from .undisturbed import undisturbed


@HOOKS.register_module()
class KNNHook(FeatureHook):
    """Evaluate the backbone every few epochs and at the end, and leave no trace in the training.

    A run with the hook ends with the same weights as one without. All ranks take part. Accuracy in
    per cent goes to

    - the log;
    - the message hub, as ``val/knn/top1_k20``. The untrained network's is there, too, as
      ``val/knn/untrained_top1_k20``, so a run's result has both;
    - the visualizer (``scalars.json``), as ``knn/top1_k20`` with ``epoch``, ``iter`` and ``step``.
      The last two are the number of finished iterations.

    Args:
        bank_dataloader: Config of the loader of labelled images; not augmented.
        query_dataloader: Config of the loader of the images to classify.
        k: See `KNNProtocol`.
        temperature: See `KNNProtocol`.
        max_bank: At most so many images of the bank, evenly spread over its data set; None: all.
        **options: See `FeatureHook`: when, and of which network.

    Raises:
        UserError: Before training, if an argument is wrong, a k exceeds the bank, the model has no
            such backbone, or the data sets don't fit each other.
    """

    def __init__(
        self,
        bank_dataloader: dict,
        query_dataloader: dict,
        k: int | Sequence[int] | None = 20,
        temperature: float = 0.07,
        max_bank: int | None = None,
        **options,
    ) -> None:
        super().__init__(**options)
        if max_bank is not None and max_bank < 1:
            raise UserError('KNNHook: max_bank must be at least 1')
        self.bank_dataloader, self.query_dataloader = bank_dataloader, query_dataloader
        self.max_bank = max_bank
        self.protocol = KNNProtocol(k, temperature)

    def before_train(self, runner: Runner) -> None:
        """Build the loaders and check everything that can be checked."""
        with undisturbed(runner.model):
            self.bank = build_loader(runner, self.bank_dataloader, self.max_bank)
            self.queries = build_loader(runner, self.query_dataloader)
        self.num_classes = self.protocol.check(self.bank, self.queries)
        super().before_train(runner)

    def evaluate(self, runner: Runner, epoch: int, iteration: int) -> None:
        """Measure and log the accuracy, and hand the bank's features on."""
        with undisturbed(runner.model):
            encode = self.encoder(runner)
            bank = extract_features(self.bank, encode, 'k-NN bank')
            queries = extract_features(self.queries, encode, 'k-NN queries')
            metrics = self.protocol.evaluate(bank, queries, self.num_classes, encode.device)
            values = '  '.join(f'{name}: {value:.2f}' for name, value in metrics.items())
            runner.logger.info(f'k-NN of the {self.source} after {iteration} iterations  {values}')
            self.log(runner, metrics, epoch, iteration)
            for hook in runner.hooks:
                if isinstance(hook, FeatureHook):
                    hook.follow(runner, self, self.bank, bank[0], epoch, iteration)
