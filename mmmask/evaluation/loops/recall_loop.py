"""Retrieve images of the same class."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from mmengine.runner import Runner
from mmpretrain.registry import LOOPS
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader

from mmmask.utils.errors import UserError

from ..loader import build_loader
from ..metrics.recall_at_k import first_match
from .loop import VectorLoop


@LOOPS.register_module()
class RecallLoop(VectorLoop):
    """Measure Recall@k of ``model.backbone`` by cosine similarity (AttMask, Table 8).

    In a config: ``test_dataloader`` for the queries and ``test_evaluator=[]``. Without a gallery,
    each image is searched among all others of the test set (CUB, Cars, SOP).

    Args:
        runner: The runner.
        dataloader: Queries.
        evaluator: Must be empty.
        gallery_dataloader: The gallery (In-Shop); None: the queries.
        ks: Numbers of neighbours.
        chunk_size: Queries that are compared at a time; changes memory, not results.
        **options: See `VectorLoop`.

    Raises:
        UserError: If a k isn't positive, or the gallery has no other image of a query's class.
    """

    outcome_unit = 'query'

    def __init__(
        self,
        runner: Runner,
        dataloader: DataLoader | dict,
        evaluator: Sequence,
        gallery_dataloader: dict | None = None,
        ks: Sequence[int] = (1, 2, 4, 8),
        chunk_size: int = 512,
        **options,
    ) -> None:
        super().__init__(runner, dataloader, evaluator, **options)
        if not ks or min(ks) < 1:
            raise UserError(f'RecallLoop: ks must be positive numbers, not {ks}')
        self.gallery_dataloader = gallery_dataloader and build_loader(runner, gallery_dataloader)
        self.ks, self.chunk_size = tuple(ks), chunk_size
        self._check_classes()

    def _check_classes(self) -> None:
        """Refuse queries that no gallery image could answer."""
        queries = torch.as_tensor(self.dataloader.dataset.get_gt_labels())
        gallery, own = queries, 1
        if self.gallery_dataloader is not None:
            gallery = torch.as_tensor(self.gallery_dataloader.dataset.get_gt_labels())
            own = 0
        size = 1 + int(max(queries.max(), gallery.max()))
        alone = (torch.bincount(gallery, minlength=size) - own)[queries] < 1
        if alone.any():
            raise UserError(
                f'the gallery has no{" other" * own} image of the class of {int(alone.sum())} of '
                f'{len(queries)} queries, first: label {int(queries[alone][0])}'
            )

    def measure(self, model: nn.Module) -> dict[str, float]:
        """Return Recall@k in per cent, ``retrieval/recall_at_1`` and so on."""
        device = next(model.parameters()).device
        queries, labels = self.vectors(self.dataloader, 'queries')
        gallery, gallery_labels, own = queries, labels, torch.arange(len(queries), device=device)
        if self.gallery_dataloader is not None:
            loader, own = self.gallery_dataloader, None
            gallery, gallery_labels = self.vectors(loader, 'gallery')
        queries, gallery = (F.normalize(f.to(device), dim=1) for f in (queries, gallery))
        labels, gallery_labels = labels.to(device), gallery_labels.to(device)
        places = torch.cat(
            [
                first_match(
                    queries[rows] @ gallery.T,
                    labels[rows],
                    gallery_labels,
                    None if own is None else own[rows],
                )
                for rows in torch.arange(len(queries), device=device).split(self.chunk_size)
            ]
        )
        self.outcomes = {
            f'retrieval/recall_at_{k}': 100 * (places < k).double().cpu().numpy() for k in self.ks
        }
        return {name: float(hits.mean()) for name, hits in self.outcomes.items()}

    def values(self) -> dict:
        """Return the neighbours, what stands for an image, and the sizes of both sets."""
        gallery = self.gallery_dataloader or self.dataloader
        return dict(
            ks=self.ks,
            **self.read,
            queries=len(self.dataloader.dataset),
            gallery=len(gallery.dataset),
            same_set=self.gallery_dataloader is None,
        )
