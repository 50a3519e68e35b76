"""Compare clusters of features with classes."""

from __future__ import annotations

import numpy as np
from torch import Tensor
from torch.nn import functional as F

from mmmask.utils.errors import UserError

from .finite import finite


def cluster_agreement(
    features: Tensor | np.ndarray,
    labels: Tensor | np.ndarray,
    num_clusters: int | None = None,
    seed: int = 0,
) -> dict[str, float]:
    """Cluster L2-normalised features by k-means, and compare the clusters with the classes.

    K-means is scikit-learn's, the best of ten starts.

    Args:
        features: (N, C).
        labels: Classes (N,).
        num_clusters: Clusters; None: as many as there are classes among the labels.
        seed: Seed of the starts.

    Returns:
        In per cent:

        - ``nmi``: the normalised mutual information (arithmetic mean); 100: the same partition.
        - ``ari``: the adjusted Rand index; about 0 by chance, 100: the same partition.

    Raises:
        DivergedError: If a feature isn't finite.
        UserError: If there are fewer images than clusters.
    """
    from sklearn.cluster import KMeans  # here, as its import takes a second
    from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score

    unit = F.normalize(finite(features), dim=1).numpy()
    labels = np.asarray(labels)
    num_clusters = num_clusters or len(np.unique(labels))
    if len(unit) < num_clusters:
        raise UserError(f'k-means can make no {num_clusters} clusters of {len(unit)} images')
    found = KMeans(num_clusters, n_init=10, random_state=seed).fit_predict(unit)
    return dict(
        nmi=100 * float(normalized_mutual_info_score(labels, found)),
        ari=100 * float(adjusted_rand_score(labels, found)),
    )
