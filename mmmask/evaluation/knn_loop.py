"""Run k-NN as a test loop."""

from __future__ import annotations

from collections.abc import Sequence

from mmengine.runner import BaseLoop, Runner
from mmengine.runner.amp import autocast
from mmpretrain.registry import LOOPS
from torch.utils.data import DataLoader

from mmmask.utils.errors import UserError
from mmmask.utils.unwrap import unwrap

from .features import FeatureEncoder
from .knn import KNNProtocol
from .loader import build_loader


@LOOPS.register_module()
class KNNLoop(BaseLoop):
    """Measure the weighted k-NN accuracy of ``model.backbone`` on the test set.

    In a config: ``test_cfg=dict(type='KNNLoop', bank_dataloader=...)``, ``test_dataloader`` for the
    queries and ``test_evaluator=[]``, since the loop measures itself.

    Args:
        runner: The runner.
        dataloader: Queries.
        evaluator: Must be empty.
        bank_dataloader: The bank; not augmented, not shuffled.
        k: See `KNNProtocol`.
        temperature: See `KNNProtocol`.
        feature: 'cls', 'gap' or 'gap_normed', see `FeatureEncoder`.
        chunk_size: See `KNNProtocol`.
        fp16: Whether features are computed under autocast; the search is in float32.

    Raises:
        UserError: See `KNNProtocol`, `FeatureEncoder` and `extract_features`.
    """

    def __init__(
        self,
        runner: Runner,
        dataloader: DataLoader | dict,
        evaluator: Sequence,
        bank_dataloader: DataLoader | dict,
        k: int | Sequence[int] | None = None,
        temperature: float = 0.07,
        feature: str = 'cls',
        chunk_size: int = 4096,
        fp16: bool = False,
    ) -> None:
        super().__init__(runner, dataloader)
        if evaluator:
            raise UserError('KNNLoop measures itself: set test_evaluator=[]')
        self.bank_dataloader = build_loader(runner, bank_dataloader)
        self.protocol = KNNProtocol(k, temperature, chunk_size)
        self.protocol.check(self.bank_dataloader, self.dataloader)
        self.feature, self.fp16 = feature, fp16

    def run(self) -> dict[str, float]:
        """Return the metrics in per cent, ``knn/top1_k20`` and so on."""
        self.runner.call_hook('before_test')
        self.runner.call_hook('before_test_epoch')
        model = unwrap(self.runner.model)
        model.eval()
        encode = FeatureEncoder(model.backbone, model.data_preprocessor, self.feature)
        with autocast(enabled=self.fp16):
            metrics = self.protocol.evaluate(self.bank_dataloader, self.dataloader, encode)
        self.runner.call_hook('after_test_epoch', metrics=metrics)
        self.runner.call_hook('after_test')
        return metrics
