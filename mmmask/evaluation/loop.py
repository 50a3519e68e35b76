"""Run what a checkpoint's frozen features are measured by as a test loop."""

from __future__ import annotations

from abc import ABCMeta, abstractmethod
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from mmengine.config import Config
from mmengine.runner import BaseLoop, Runner
from mmengine.runner.amp import autocast
from torch import Tensor, nn
from torch.utils.data import DataLoader

from mmmask.utils.errors import UserError, check_choice
from mmmask.utils.unwrap import unwrap
from mmmask.version import __version__

from .features import FeatureEncoder, extract_features
from .loader import build_loader
from .store import FeatureStore, identity_of_data, identity_of_weights

_NO_MATTER = ('init_cfg', 'out_type', 'out_indices', 'frozen_stages', 'drop_path_rate')
"""What a backbone's config may say without an effect on the features."""


class FrozenLoop(BaseLoop, metaclass=ABCMeta):
    """Measure the frozen features of ``model.backbone``; a child says how.

    In a config: ``test_cfg=dict(type=...)`` and ``test_evaluator=[]``, since the loop measures
    itself. ``mmmask test CONFIG CHECKPOINT`` loads the backbone of any checkpoint.

    Args:
        runner: The runner.
        dataloader: The test set.
        evaluator: Must be empty.
        source: Which network of a self-distillation's checkpoint ``mmmask test`` loads:
            ``'teacher'``, ``'student'``, or ``'auto'``, the teacher where there is one.
        fp16: Whether features are computed under autocast; everything else is in float32.
        features_dir: Folder of the features that protocols share. ``'auto'``: ``features`` beside
            the work dir. None: nothing is kept.

    Attributes:
        outcomes: What each unit of the test set contributes to a metric, (N,), by the metrics'
            names. A metric is the mean of its outcomes. Metrics that are no such mean have none.
        outcome_unit: What contributes: ``'image'``, ``'query'`` or ``'sequence'``.

    Raises:
        UserError: If there is an evaluator, or ``source`` is another.
    """

    outcome_unit = 'image'

    def __init__(
        self,
        runner: Runner,
        dataloader: DataLoader | dict,
        evaluator: Sequence,
        source: str = 'auto',
        fp16: bool = False,
        features_dir: str | None = 'auto',
    ) -> None:
        if isinstance(dataloader, dict):
            dataloader = build_loader(runner, dataloader)
        super().__init__(runner, dataloader)
        name = type(self).__name__
        if evaluator:
            raise UserError(f'{name} measures itself: set test_evaluator=[]')
        check_choice(f'{name}: source', source, ('auto', 'teacher', 'student'))
        self.source, self.fp16 = source, fp16
        self.outcomes: dict[str, np.ndarray] = {}
        beside = Path(runner.work_dir).parent / 'features'
        self.features_dir = beside if features_dir == 'auto' else features_dir

    @abstractmethod
    def measure(self, model: nn.Module) -> dict[str, float]:
        """Return the metrics of a model in evaluation mode, such as ``knn/top1_k20``."""

    @abstractmethod
    def values(self) -> dict:
        """Return the values of the protocol by their names: plain values, which a result states."""

    @property
    def protocol_values(self) -> dict:
        """Return :meth:`values` for ``result.json``."""
        return self.values()

    def features(
        self,
        loader: DataLoader,
        token: str = 'cls',
        layer: int = -1,
        n_blocks: int = 1,
        title: str = 'features',
    ) -> tuple[Tensor, Tensor | None]:
        """Return features and labels of a data set, in its order, the same on all ranks.

        Args:
            loader: Of :func:`~mmmask.evaluation.loader.build_loader`, or the loop's own.
            token: ``'cls'``, ``'gap'``, ``'gap_normed'`` or ``'patches'``, see ``TokenReader``.
            layer: The block, negative from the end.
            n_blocks: Blocks, of which ``layer`` is the last; their features are concatenated.
            title: Names the data in the log and in errors.

        Returns:
            Features (N, C), of ``'patches'`` (N, L, C), float32, and labels (N,) int64, or None
            without labels. They are on the CPU.

        Raises:
            UserError: See ``TokenReader`` and ``extract_features``.
        """
        read = dict(token=token, layer=layer, n_blocks=n_blocks)
        model, cfg = unwrap(self.runner.model), self.runner.cfg
        return frozen_features(model, cfg, loader, title, self.features_dir, self.fp16, **read)

    def run(self) -> dict[str, float]:
        """Measure, and return the metrics."""
        self.runner.call_hook('before_test')
        self.runner.call_hook('before_test_epoch')
        model = unwrap(self.runner.model)
        model.eval()
        metrics = self.measure(model)
        self.runner.call_hook('after_test_epoch', metrics=metrics)
        self.runner.call_hook('after_test')
        return metrics


def frozen_features(
    model: nn.Module,
    cfg: Config,
    loader: DataLoader,
    title: str,
    features_dir: str | Path | None,
    fp16: bool = False,
    **read,
) -> tuple[Tensor, Tensor | None]:
    """Return features and labels of a data set as :meth:`FrozenLoop.features` does.

    Args:
        model: In evaluation mode, with a ``backbone`` and a ``data_preprocessor``.
        cfg: The config that it was built from.
        loader: Of :func:`~mmmask.evaluation.loader.build_loader`.
        title: Names the data in the log and in errors.
        features_dir: Folder of the features that are kept; None: none are.
        fp16: Whether features are computed under autocast.
        **read: ``token``, ``layer`` and ``n_blocks``, see `FeatureEncoder`.
    """
    encode = FeatureEncoder(model.backbone, model.data_preprocessor, **read)

    def make() -> tuple[Tensor, Tensor | None]:
        with autocast(enabled=fp16):
            return extract_features(loader, encode, title, features_dir)

    data = None if features_dir is None else identity_of_data(loader.dataset)
    if data is None:
        return make()
    backbone = {k: v for k, v in cfg.model.backbone.items() if k not in _NO_MATTER}
    key = dict(
        read,
        mmmask=__version__,
        layer=encode.read.layers[-1],
        data=data,
        weights=identity_of_weights(model.backbone),
        backbone=backbone,
        preprocessor=cfg.model.get('data_preprocessor') or cfg.get('data_preprocessor'),
        device=encode.device.type,
        autocast=fp16 and torch.get_autocast_dtype(encode.device.type),
    )
    return FeatureStore(features_dir).get(key, make, title)
