"""Watch the health of features in the course of pre-training."""

from __future__ import annotations

from mmengine.runner import Runner
from mmpretrain.registry import HOOKS
from torch import Tensor
from torch.utils.data import DataLoader

from mmmask.evaluation.attention import AttentionEncoder
from mmmask.evaluation.features import extract_features
from mmmask.evaluation.loader import build_loader
from mmmask.evaluation.loops.feature_health_loop import feature_health
from mmmask.evaluation.metrics import attention_entropy
from mmmask.utils.errors import UserError
from mmmask.utils.unwrap import unwrap

from .feature_hook import FeatureHook
from .knn_hook import KNNHook
from .undisturbed import undisturbed


@HOOKS.register_module()
class FeatureHealthHook(FeatureHook):
    """Log the health of features, and warn once when they collapse.

    Features are those of the bank of the run's `KNNHook`, whenever that evaluates: nothing is
    extracted twice. With a ``dataloader`` of its own, the hook needs no `KNNHook`. It leaves no
    trace in the training. Values go where those of `KNNHook` go: see
    :func:`~mmmask.evaluation.loops.feature_health_loop.feature_health`, and
    ``health/attention_entropy`` of the data set's first batch.

    Features have collapsed if either threshold is passed. The untrained network isn't judged.

    Args:
        dataloader: Config of a loader of images; None: the `KNNHook`'s bank.
        max_images: At most so many images of the loader, evenly spread; None: all.
        min_rank_share: Least effective rank, as a share of the features' width.
        max_cosine: Highest mean cosine between images.
        attention: Whether the entropy of attention is measured.
        **options: See `FeatureHook`; only with a ``dataloader``.

    Raises:
        UserError: Before training, if there are no features: no ``dataloader`` and no `KNNHook`. If
            an argument is wrong.
    """

    def __init__(
        self,
        dataloader: dict | None = None,
        max_images: int | None = 25600,
        min_rank_share: float = 0.02,
        max_cosine: float = 0.99,
        attention: bool = True,
        **options,
    ) -> None:
        super().__init__(**options)
        if dataloader is None and options:
            raise UserError(
                f'FeatureHealthHook: {", ".join(options)} are those of the KNNHook, whose features '
                'it takes: leave them out, or give a dataloader'
            )
        if not 0 <= min_rank_share < 1 or not -1 <= max_cosine <= 1:
            raise UserError('FeatureHealthHook: min_rank_share or max_cosine is out of range')
        self.dataloader, self.max_images, self.attention = dataloader, max_images, attention
        self.min_rank_share, self.max_cosine = min_rank_share, max_cosine
        self.warned = False

    def before_train(self, runner: Runner) -> None:
        """Find the features: those of a loader, or of the `KNNHook`."""
        if self.dataloader is None:
            if not any(isinstance(hook, KNNHook) for hook in runner.hooks):
                raise UserError('FeatureHealthHook needs a KNNHook in the run, or a dataloader')
            return
        with undisturbed(runner.model):
            self.loader = build_loader(runner, self.dataloader, self.max_images)
        super().before_train(runner)

    def after_train_iter(self, runner: Runner, *args, **kwargs) -> None:
        """Evaluate features of a loader of its own."""
        if self.dataloader is not None:
            super().after_train_iter(runner, *args, **kwargs)

    def after_train_epoch(self, runner: Runner) -> None:
        """Evaluate features of a loader of its own."""
        if self.dataloader is not None:
            super().after_train_epoch(runner)

    def evaluate(self, runner: Runner, epoch: int, iteration: int) -> None:
        """Extract features, and judge them."""
        with undisturbed(runner.model):
            features, _ = extract_features(self.loader, self.encoder(runner), 'health of features')
            self._judge(runner, self, self.loader, features, epoch, iteration)

    def follow(self, runner: Runner, owner: FeatureHook, *extracted) -> None:
        """Judge the features of the `KNNHook`'s bank."""
        if self.dataloader is None:
            self._judge(runner, owner, *extracted)

    def _judge(
        self,
        runner: Runner,
        owner: FeatureHook,
        loader: DataLoader,
        features: Tensor,
        epoch: int,
        iteration: int,
    ) -> None:
        """Measure and log the health of features, and warn if they have collapsed."""
        metrics = feature_health(features)
        if self.attention:
            preprocess = unwrap(runner.model).data_preprocessor
            read = AttentionEncoder(owner.backbone(runner), preprocess)
            # The same images on one and on several ranks.
            first = range(min(loader.batch_size, len(loader.dataset)))
            batch = loader.collate_fn([loader.dataset[index] for index in first])
            entropy = attention_entropy(read(batch))
            metrics['health/attention_entropy'] = float(entropy.mean())
        values = '  '.join(f'{name}: {value:.4g}' for name, value in metrics.items())
        runner.logger.info(f'health of the {owner.source} after {iteration} iterations  {values}')
        self.log(runner, metrics, epoch, iteration)
        if iteration > 0 and not self.warned:
            self.warned = self._warn(runner, metrics, features.shape[1], epoch)

    def _warn(self, runner: Runner, metrics: dict, width: int, epoch: int) -> bool:
        """Warn if features have collapsed, and return whether they have."""
        rank, cosine = metrics['health/effective_rank'], metrics['health/mean_cosine']
        signs = []
        if rank < self.min_rank_share * width:
            signs.append(
                f'their effective rank is {rank:.2f} of {width} '
                f'(below min_rank_share={self.min_rank_share:g})'
            )
        if cosine > self.max_cosine:
            signs.append(
                f'the mean cosine between images is {cosine:.4f} (above '
                f'max_cosine={self.max_cosine:g})'
            )
        if signs:
            runner.logger.warning(
                f'features have collapsed in epoch {epoch}: {" and ".join(signs)}. Images are '
                "hardly told apart: check the learning rate, the teacher's temperature and the "
                'centre. This is said once.'
            )
        return bool(signs)
