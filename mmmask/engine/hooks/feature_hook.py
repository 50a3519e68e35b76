"""Evaluate frozen features in the course of pre-training: when, and of which network."""

from __future__ import annotations

from abc import abstractmethod

from mmengine.hooks import Hook
from mmengine.runner import EpochBasedTrainLoop, Runner
from torch import Tensor, nn
from torch.utils.data import DataLoader

from mmmask.engine.epochs import current_epoch, steps_per_epoch
from mmmask.evaluation.features import FeatureEncoder
from mmmask.utils.errors import UserError, check_choice
from mmmask.utils.unwrap import unwrap


class FeatureHook(Hook):
    """Evaluate the backbone every few epochs and at the end; a child says how.

    Args:
        interval: Epochs, or iterations, between two evaluations.
        by_epoch: Whether the interval counts epochs, also where training counts iterations.
        at_start: Whether the untrained network is evaluated, too.
        source: 'teacher' (the EMA teacher) or 'student'.
        feature: 'cls', 'gap' or 'gap_normed', see `TokenReader`.

    Raises:
        UserError: If an argument is wrong.
    """

    priority = 'LOW'  # behind the teacher's update, before the checkpoint

    def __init__(
        self,
        interval: int = 1,
        by_epoch: bool = True,
        at_start: bool = False,
        source: str = 'teacher',
        feature: str = 'cls',
    ) -> None:
        name = type(self).__name__
        check_choice(f'{name}: source', source, ('teacher', 'student'))
        if interval < 1:
            raise UserError(f'{name}: interval must be at least 1')
        self.interval, self.by_epoch, self.at_start = interval, by_epoch, at_start
        self.source, self.feature = source, feature

    @abstractmethod
    def evaluate(self, runner: Runner, epoch: int, iteration: int) -> None:
        """Evaluate after so many epochs and iterations, and log the values."""

    def follow(
        self,
        runner: Runner,
        owner: FeatureHook,
        loader: DataLoader,
        features: Tensor,
        epoch: int,
        iteration: int,
    ) -> None:
        """Use the features that another hook has extracted; without need of them, do nothing.

        Args:
            runner: The runner.
            owner: The hook that has extracted them.
            loader: Loader of their images.
            features: (N, C).
            epoch: Finished epochs.
            iteration: Finished iterations.
        """

    def before_train(self, runner: Runner) -> None:
        """Check the network, and evaluate it untrained where that is asked for."""
        self.encoder(runner)
        if self.at_start and runner.iter == 0:
            self.evaluate(runner, epoch=0, iteration=0)

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
            self.evaluate(runner, epoch=epoch, iteration=runner.iter + 1)

    def after_train_epoch(self, runner: Runner) -> None:
        """Evaluate when the interval counts epochs, as training does."""
        due = self.every_n_epochs(runner, self.interval) or self.is_last_train_epoch(runner)
        if due and self.by_epoch and isinstance(runner.train_loop, EpochBasedTrainLoop):
            self.evaluate(runner, epoch=runner.epoch + 1, iteration=runner.iter)

    def backbone(self, runner: Runner) -> nn.Module:
        """Return the network that is evaluated.

        Raises:
            UserError: If the model has no such backbone.
        """
        model = unwrap(runner.model)
        owner: nn.Module | None = model
        if self.source == 'teacher':
            owner = getattr(model, 'teacher', None)
        if getattr(owner, 'backbone', None) is None:
            raise UserError(
                f'{type(self).__name__}: {type(model).__name__} has no {self.source} with a '
                "backbone: set source to 'teacher' or 'student', whichever it has"
            )
        return owner.backbone

    def encoder(self, runner: Runner) -> FeatureEncoder:
        """Return what reads the features of the network."""
        preprocess = unwrap(runner.model).data_preprocessor
        return FeatureEncoder(self.backbone(runner), preprocess, self.feature)

    def log(self, runner: Runner, metrics: dict[str, float], epoch: int, iteration: int) -> None:
        """Write metrics to the message hub and the visualizer (``scalars.json``).

        The untrained network's are in the hub twice: as ``val/knn/untrained_top1_k20``, too.
        """
        for name, value in metrics.items():
            runner.message_hub.update_scalar(f'val/{name}', value)
            if iteration == 0:
                untrained = name.replace('/', '/untrained_')
                runner.message_hub.update_scalar(f'val/{untrained}', value)
        runner.visualizer.add_scalars(dict(**metrics, epoch=epoch, iter=iteration), step=iteration)
