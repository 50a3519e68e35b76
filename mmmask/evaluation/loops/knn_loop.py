"""Run k-NN as a test loop."""

from __future__ import annotations

from collections.abc import Sequence

from mmengine.runner import Runner
from mmpretrain.registry import LOOPS
from torch import nn
from torch.utils.data import DataLoader

from ..knn import KNNProtocol, choose_ks
from ..loader import build_loader
from .loop import VectorLoop


@LOOPS.register_module()
class KNNLoop(VectorLoop):
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
        feature: The token, see `VectorLoop`.
        chunk_size: See `KNNProtocol`.
        **options: See `VectorLoop`.

    Raises:
        UserError: See `KNNProtocol`, `TokenReader` and `extract_features`.
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
        **options,
    ) -> None:
        super().__init__(runner, dataloader, evaluator, feature, **options)
        self.bank_dataloader = build_loader(runner, bank_dataloader)
        self.protocol = KNNProtocol(k, temperature, chunk_size)
        self.num_classes = self.protocol.check(self.bank_dataloader, self.dataloader)

    def measure(self, model: nn.Module) -> dict[str, float]:
        """Return the accuracy in per cent, ``knn/top1_k20`` and so on."""
        bank = self.vectors(self.bank_dataloader, 'k-NN bank')
        queries = self.vectors(self.dataloader, 'k-NN queries')
        device = next(model.parameters()).device
        metrics = self.protocol.evaluate(bank, queries, self.num_classes, device)
        self.outcomes = self.protocol.outcomes
        return metrics

    def values(self) -> dict:
        """Return the neighbours, the temperature, and what stands for an image."""
        bank = len(self.bank_dataloader.dataset)
        ks = choose_ks(self.protocol.k, bank)
        return dict(k=ks, temperature=self.protocol.temperature, bank=bank, **self.read)
