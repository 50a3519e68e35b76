"""Run what a checkpoint's frozen features are measured by as a test loop."""

from __future__ import annotations

from abc import ABCMeta, abstractmethod
from collections.abc import Sequence

from mmengine.runner import BaseLoop, Runner
from mmengine.runner.amp import autocast
from torch import Tensor, nn
from torch.utils.data import DataLoader

from mmmask.utils.errors import UserError, check_choice
from mmmask.utils.unwrap import unwrap

from .features import FeatureEncoder, extract_features


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

    Raises:
        UserError: If there is an evaluator, or ``source`` is another.
    """

    def __init__(
        self,
        runner: Runner,
        dataloader: DataLoader | dict,
        evaluator: Sequence,
        source: str = 'auto',
        fp16: bool = False,
        features_dir: str | None = 'auto',
    ) -> None:
        super().__init__(runner, dataloader)
        name = type(self).__name__
        if evaluator:
            raise UserError(f'{name} measures itself: set test_evaluator=[]')
        check_choice(f'{name}: source', source, ('auto', 'teacher', 'student'))
        self.source, self.fp16, self.features_dir = source, fp16, features_dir

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
        model = unwrap(self.runner.model)
        encode = FeatureEncoder(model.backbone, model.data_preprocessor, token, layer, n_blocks)
        with autocast(enabled=self.fp16):
            return extract_features(loader, encode, title)

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
