"""Measure the health of frozen features, as a test loop."""

from __future__ import annotations

import math
from collections.abc import Sequence

from mmengine.runner import Runner
from mmpretrain.registry import LOOPS
from torch import Tensor, nn
from torch.utils.data import DataLoader

from mmmask.utils.errors import UserError
from mmmask.utils.picks import pick_evenly

from ..attention import AttentionEncoder
from ..features import extract_features
from ..loader import build_loader
from ..metrics import attention_entropy, cluster_agreement, effective_rank, mean_cosine
from .loop import VectorLoop


def feature_health(features: Tensor) -> dict[str, float]:
    """Return the effective rank, mean and spread of the norms, and the mean cosine between images.

    Args:
        features: (N, C), at least two images.
    """
    norms = features.double().norm(dim=1)
    return {
        'health/effective_rank': effective_rank(features),
        'health/norm_mean': float(norms.mean()),
        'health/norm_std': float(norms.std(correction=0)),
        'health/mean_cosine': mean_cosine(features),
    }


@LOOPS.register_module()
class FeatureHealthLoop(VectorLoop):
    """Measure whether features are spread over images, dimensions and classes.

    Metrics: see :func:`feature_health`; ``health/attention_entropy``, in nats, the mean over images
    and heads; ``health/nmi`` and ``health/ari`` of k-means clusters with the classes, in per cent.

    Args:
        runner: The runner.
        dataloader: Loader of labelled images.
        evaluator: Must be empty.
        feature: The token, see `VectorLoop`.
        max_images: At most so many features count, evenly spread; RankMe takes 25,600. None: all.
        clusters: Clusters; None: as many as there are classes; 0: no clusters.
        seed: Seed of the clusters.
        attention_images: At most so many images for the entropy, evenly spread; 0: none.
        **options: See `VectorLoop`.

    Raises:
        UserError: If there are fewer than two images, or fewer than clusters; see `TokenReader`.
    """

    def __init__(
        self,
        runner: Runner,
        dataloader: DataLoader | dict,
        evaluator: Sequence,
        feature: str = 'cls',
        max_images: int | None = 25600,
        clusters: int | None = None,
        seed: int = 0,
        attention_images: int = 256,
        **options,
    ) -> None:
        super().__init__(runner, dataloader, evaluator, feature, **options)
        if len(self.dataloader.dataset) < 2 or (max_images is not None and max_images < 2):
            raise UserError('the health of features needs two images at least')
        self.max_images, self.clusters, self.seed = max_images, clusters, seed
        self.attention_images = attention_images
        self._attended = None
        if attention_images:
            self._attended = build_loader(runner, dataloader, attention_images)
        self._known: dict = {}

    def measure(self, model: nn.Module) -> dict[str, float]:
        """Return the metrics."""
        features, labels = self.vectors(self.dataloader, 'features')
        picked = pick_evenly(range(len(features)), self.max_images)
        features = features[picked]
        metrics = feature_health(features)
        self._known = dict(images=len(features), width=features.shape[1])
        if self.clusters != 0 and labels is not None:
            agreement = cluster_agreement(features, labels[picked], self.clusters, self.seed)
            metrics |= {f'health/{name}': value for name, value in agreement.items()}
        if self._attended is not None:
            read = AttentionEncoder(model.backbone, model.data_preprocessor, self.read['layer'])
            attention, _ = extract_features(self._attended, read, 'attention')
            metrics['health/attention_entropy'] = float(attention_entropy(attention).mean())
            uniform = round(math.log(attention.shape[-1]), 4)
            self._known |= dict(attention=read.name, uniform_attention_entropy=uniform)
        return metrics

    def values(self) -> dict:
        """Return what stands for an image, how many count, and how clusters are made."""
        clusters = dict(clusters=self.clusters, seed=self.seed)
        return dict(**self.read, **clusters, **self._known)
