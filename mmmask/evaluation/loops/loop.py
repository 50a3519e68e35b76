"""Run what a checkpoint's frozen features are measured by as a test loop."""

from __future__ import annotations

from abc import ABCMeta, abstractmethod
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from mmengine.runner import BaseLoop, Runner
from torch import Tensor, nn
from torch.utils.data import DataLoader

from mmmask.utils.errors import UserError, check_choice
from mmmask.utils.unwrap import unwrap

from ..loader import build_loader
from ..reader import FeatureReader


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
        self._reader: FeatureReader | None = None
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

    @property
    def reader(self) -> FeatureReader:
        """Return what reads the features of the model, as it is when they are first asked for."""
        if self._reader is None:
            model, cfg = unwrap(self.runner.model), self.runner.cfg
            self._reader = FeatureReader(model, cfg, self.features_dir, self.fp16)
        return self._reader

    def run(self) -> dict[str, float]:
        """Measure, and return the metrics."""
        self.runner.call_hook('before_test')
        self.runner.call_hook('before_test_epoch')
        model = unwrap(self.runner.model)
        model.eval()
        self._reader = None  # the weights are those of this run
        metrics = self.measure(model)
        self.runner.call_hook('after_test_epoch', metrics=metrics)
        self.runner.call_hook('after_test')
        return metrics


class VectorLoop(FrozenLoop):
    """Measure vectors that stand for images; a child says how.

    Args:
        runner: See `FrozenLoop`.
        dataloader: See `FrozenLoop`.
        evaluator: See `FrozenLoop`.
        token: ``'cls'``, ``'gap'`` or ``'gap_normed'``, see ``TokenReader``.
        layer: The block, negative from the end.
        n_blocks: Blocks, of which ``layer`` is the last; their features are concatenated.
        **options: See `FrozenLoop`.
    """

    def __init__(
        self,
        runner: Runner,
        dataloader: DataLoader | dict,
        evaluator: Sequence,
        token: str = 'cls',
        layer: int = -1,
        n_blocks: int = 1,
        **options,
    ) -> None:
        super().__init__(runner, dataloader, evaluator, **options)
        self.read = dict(token=token, layer=layer, n_blocks=n_blocks)

    def vectors(
        self, loader: DataLoader, title: str, mirrored: bool = False
    ) -> tuple[Tensor, Tensor | None]:
        """Return features and labels of a data set, see `FeatureReader`."""
        return self.reader(loader, title, mirrored, **self.read)
