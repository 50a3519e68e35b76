"""Measure k-NN accuracy in the course of pre-training."""

from __future__ import annotations

from collections.abc import Sequence

from mmengine.hooks import Hook
from mmengine.runner import EpochBasedTrainLoop, Runner
from mmpretrain.registry import HOOKS
from torch import nn

from mmmask.engine.epochs import current_epoch, steps_per_epoch
from mmmask.evaluation.features import FeatureEncoder, extract_features
from mmmask.evaluation.knn import KNNProtocol
from mmmask.evaluation.loader import build_loader
from mmmask.utils.errors import UserError, check_choice
from mmmask.utils.unwrap import unwrap

from .undisturbed import undisturbed


@HOOKS.register_module()
class KNNHook(Hook):
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
        interval: Epochs, or iterations, between two evaluations.
        by_epoch: Whether the interval counts epochs, also where training counts iterations.
        at_start: Whether the untrained network is evaluated, too.
        source: 'teacher' (the EMA teacher) or 'student'.
        k: See `KNNProtocol`.
        temperature: See `KNNProtocol`.
        feature: 'cls', 'gap' or 'gap_normed', see `FeatureEncoder`.
        max_bank: At most so many images of the bank, evenly spread over its data set; None: all.

    Raises:
        UserError: Before training, if an argument is wrong, a k exceeds the bank, the model has no
            such backbone, or the data sets don't fit each other.
    """

    priority = 'LOW'  # behind the teacher's update, before the checkpoint

    def __init__(
        self,
        bank_dataloader: dict,
        query_dataloader: dict,
        interval: int = 1,
        by_epoch: bool = True,
        at_start: bool = False,
        source: str = 'teacher',
        k: int | Sequence[int] | None = 20,
        temperature: float = 0.07,
        feature: str = 'cls',
        max_bank: int | None = None,
    ) -> None:
        check_choice('KNNHook: source', source, ('teacher', 'student'))
        if interval < 1 or (max_bank is not None and max_bank < 1):
            raise UserError('KNNHook: interval and max_bank must be at least 1')
        self.bank_dataloader, self.query_dataloader = bank_dataloader, query_dataloader
        self.interval, self.by_epoch, self.at_start = interval, by_epoch, at_start
        self.source, self.feature, self.max_bank = source, feature, max_bank
        self.protocol = KNNProtocol(k, temperature)

    def before_train(self, runner: Runner) -> None:
        """Build the loaders and check everything that can be checked."""
        with undisturbed(runner.model):
            self.bank = build_loader(runner, self.bank_dataloader, self.max_bank)
            self.queries = build_loader(runner, self.query_dataloader)
        self.num_classes = self.protocol.check(self.bank, self.queries)
        self._encoder(runner)
        if self.at_start and runner.iter == 0:
            self._evaluate(runner, epoch=0, iteration=0)

    def after_train_iter(
        self, runner: Runner, batch_idx: int, data_batch=None, outputs=None
    ) -> None:
        """Evaluate when the interval counts iterations, or training does."""
        epochs = isinstance(runner.train_loop, EpochBasedTrainLoop)
        if self.by_epoch and epochs:
            return
        interval = self.interval * (steps_per_epoch(runner) if self.by_epoch else 1)
        if self.every_n_train_iters(runner, interval) or self.is_last_train_iter(runner):
            epoch = (runner.epoch if epochs else current_epoch(runner)) + 1
            self._evaluate(runner, epoch=epoch, iteration=runner.iter + 1)

    def after_train_epoch(self, runner: Runner) -> None:
        """Evaluate when the interval counts epochs, as training does."""
        due = self.every_n_epochs(runner, self.interval) or self.is_last_train_epoch(runner)
        if due and self.by_epoch and isinstance(runner.train_loop, EpochBasedTrainLoop):
            self._evaluate(runner, epoch=runner.epoch + 1, iteration=runner.iter)

    def _encoder(self, runner: Runner) -> FeatureEncoder:
        model = unwrap(runner.model)
        owner: nn.Module | None = model
        if self.source == 'teacher':
            owner = getattr(model, 'teacher', None)
        if getattr(owner, 'backbone', None) is None:
            raise UserError(
                f'KNNHook: {type(model).__name__} has no {self.source} with a backbone: '
                "set source to 'teacher' or 'student', whichever it has"
            )
        return FeatureEncoder(owner.backbone, model.data_preprocessor, self.feature)

    def _evaluate(self, runner: Runner, epoch: int, iteration: int) -> None:
        with undisturbed(runner.model):
            encode = self._encoder(runner)
            bank = extract_features(self.bank, encode, 'k-NN bank')
            queries = extract_features(self.queries, encode, 'k-NN queries')
            metrics = self.protocol.evaluate(bank, queries, self.num_classes, encode.device)
        values = '  '.join(f'{name}: {value:.2f}' for name, value in metrics.items())
        runner.logger.info(f'k-NN of the {self.source} after {iteration} iterations  {values}')
        for name, value in metrics.items():
            runner.message_hub.update_scalar(f'val/{name}', value)
            if iteration == 0:
                untrained = name.replace('knn/', 'knn/untrained_')
                runner.message_hub.update_scalar(f'val/{untrained}', value)
        runner.visualizer.add_scalars(dict(**metrics, epoch=epoch, iter=iteration), step=iteration)
