"""Retrieve buildings: revisited Oxford and Paris."""

from __future__ import annotations

from collections.abc import Sequence

from mmengine.runner import Runner
from mmpretrain.registry import LOOPS
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader

from mmmask.utils.errors import UserError

from ..loader import build_loader
from ..metrics import revisited_precisions
from .loop import VectorLoop


@LOOPS.register_module()
class RevisitedLoop(VectorLoop):
    """Measure the mean average precision of ``model.backbone`` on ``RevisitedBuildings``.

    As DINO's evaluation (AttMask, Table 7): features of images in their own shapes, normalised,
    compared by their cosine. A multi-scale feature is the mean of the features of each scale.

    Images differ in shape, so ``batch_size`` is 1, and the pipeline has a ``Thumbnail``.

    Args:
        runner: The runner.
        dataloader: Config of the queries.
        evaluator: Must be empty.
        database_dataloader: Config of the database.
        scales: Factors behind the thumbnail; DINO's multi-scale has 1, 1/sqrt(2) and 1/2.
        **options: See `VectorLoop`.

    Raises:
        UserError: If the ground truth isn't that of the database, no query has positives, or
            there are scales but no ``Thumbnail``.
    """

    outcome_unit = 'query'

    def __init__(
        self,
        runner: Runner,
        dataloader: dict,
        evaluator: Sequence,
        database_dataloader: dict,
        scales: Sequence[float] = (1.0,),
        **options,
    ) -> None:
        self.scales = tuple(scales)
        self.queries, self.database = (
            [build_loader(runner, _at_scale(loader, scale)) for scale in self.scales]
            for loader in (dataloader, database_dataloader)
        )
        self.database_dataloader = self.database[0]
        super().__init__(runner, self.queries[0], evaluator, **options)
        truth, database = self.queries[0].dataset, self.database[0].dataset
        if truth.images != len(database):
            raise UserError(
                f'{truth.ann_file} ranks {truth.images} images, but the database has '
                f'{len(database)}: take the same ann_file for both'
            )
        if not any(lists['easy'] or lists['hard'] for lists in truth.relevant):
            raise UserError(f'{truth.ann_file}: no query has a positive image')

    def measure(self, model: nn.Module) -> dict[str, float]:
        """Return ``retrieval/map_easy``, ``map_medium`` and ``map_hard``, NaN without positives."""
        queries = self._embed(self.queries, 'queries')
        similarity = self._embed(self.database, 'database') @ queries.T  # (N, Q)
        ranks = similarity.argsort(dim=0, descending=True, stable=True)
        found = revisited_precisions(ranks.numpy(), self.queries[0].dataset.relevant)
        self.outcomes = {f'retrieval/map_{name}': of_queries for name, of_queries in found.items()}
        return {
            name: float(of_queries.mean()) if len(of_queries) else float('nan')
            for name, of_queries in self.outcomes.items()
        }

    def _embed(self, loaders: Sequence[DataLoader], title: str) -> Tensor:
        """Return the normalised mean of the features at each scale, (N, C)."""
        features = sum(self.vectors(loader, title)[0] for loader in loaders)
        return F.normalize(features, dim=1)

    def values(self) -> dict:
        """Return the size, the scales, the query crop, and what stands for an image."""
        dataset = self.queries[0].dataset
        sizes = [getattr(step, 'size', None) for step in dataset.pipeline.transforms]
        return dict(
            **self.read,
            size=next((size for size in sizes if size is not None), None),
            scales=self.scales,
            query_crop=dataset.crop,
        )


def _at_scale(loader: dict, scale: float) -> dict:
    """Return the config of a loader whose ``Thumbnail`` has a scale."""
    dataset, names = loader['dataset'], ('Thumbnail', 'mmpretrain.Thumbnail')
    steps = [
        {**step, 'scale': scale} if step['type'] in names else step for step in dataset['pipeline']
    ]
    if scale != 1 and steps == list(dataset['pipeline']):
        raise UserError('RevisitedLoop: scales need a Thumbnail in the pipeline')
    return {**loader, 'dataset': {**dataset, 'pipeline': steps}}
