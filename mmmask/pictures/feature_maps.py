"""Draw features: patches as colours, images as points of a plane, classes that are confused."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from mmmask.utils.errors import UserError, check_choice

from .charts import INK, MUTED
from .curves import COLORS

_MARKERS = 'osD^vP'


def patch_colours(patches: np.ndarray) -> np.ndarray:
    """Turn patch features into colours by their first three principal components.

    The components are fitted to the patches of all images together, so equal colours mean equal
    features. Each component spans 0 to 1 from its 1st to its 99th percentile.

    Args:
        patches: (N, L, C), of N images.

    Returns:
        (N, L, 3) float in [0, 1]; fewer than three components leave a colour at 0.5.
    """
    from sklearn.decomposition import PCA  # here, as its import takes a second

    flat = patches.reshape(-1, patches.shape[-1]).astype(np.float64)
    centred = flat - flat.mean(axis=0)
    if not centred.any():
        return np.full((*patches.shape[:2], 3), 0.5)
    found = PCA(min(3, *flat.shape), svd_solver='full').fit_transform(centred)
    low, high = np.percentile(found, (1, 99), axis=0)
    span = np.where(high > low, high - low, 1)
    unit = np.full((len(flat), 3), 0.5)
    unit[:, : found.shape[1]] = np.clip((found - low) / span, 0, 1)
    unit[:, : found.shape[1]][:, high <= low] = 0.5
    return unit.reshape(*patches.shape[:2], 3)


def plane(features: np.ndarray, method: str = 'pca', seed: int = 0) -> tuple[np.ndarray, list[str]]:
    """Place features in a plane.

    Args:
        features: (N, C); rows are L2-normalised first.
        method: ``'pca'``, or ``'umap'`` if the package umap-learn is installed.
        seed: Seed of UMAP.

    Returns:
        (N, 2), and the names of the two axes.

    Raises:
        UserError: If the method is unknown, or UMAP isn't installed.
    """
    check_choice('method', method, ('pca', 'umap'))
    lengths = np.linalg.norm(features, axis=1, keepdims=True)
    unit = features.astype(np.float64) / np.maximum(lengths, 1e-12)
    if method == 'pca':
        from sklearn.decomposition import PCA

        pca = PCA(2, svd_solver='full')
        points = pca.fit_transform(unit)
        shares = pca.explained_variance_ratio_
        return points, [f'component {n} ({s:.0%})' for n, s in enumerate(shares, start=1)]
    try:
        import umap
    except ImportError as error:
        raise UserError("UMAP isn't installed: pip install 'mmmask[umap]', or take PCA") from error
    points = umap.UMAP(metric='cosine', random_state=seed, n_jobs=1).fit_transform(unit)
    return points, ['UMAP 1', 'UMAP 2']


def draw_plane(
    points: np.ndarray, axes_names: Sequence[str], labels: np.ndarray, classes: Sequence[str]
) -> np.ndarray:
    """Draw points of a plane, coloured by class.

    Args:
        points: (N, 2).
        axes_names: Of the two axes.
        labels: Classes (N,).
        classes: Names; colour and marker repeat after 48 of them.

    Returns:
        (H, W, 3) uint8.
    """
    figure = Figure(figsize=(8.6, 5.6), dpi=110, layout='constrained')
    axes = figure.subplots()
    size = float(np.clip(12000 / len(points), 5, 36))
    for label, name in enumerate(classes):
        chosen = points[labels == label]
        if len(chosen):
            marker = _MARKERS[label // len(COLORS) % len(_MARKERS)]
            style = dict(marker=marker, color=COLORS[label % len(COLORS)], label=name)
            axes.scatter(*chosen.T, s=size, alpha=0.75, linewidths=0, **style)
    axes.set_xlabel(axes_names[0], color=INK)
    axes.set_ylabel(axes_names[1], color=INK)
    axes.tick_params(colors=MUTED, labelsize=8)
    axes.spines[['top', 'right']].set_visible(False)
    if len(np.unique(labels)) <= 24:
        figure.legend(loc='outside right upper', frameon=False, fontsize=9, markerscale=1.4)
    return _rendered(figure)


def draw_confusion(counts: np.ndarray, classes: Sequence[str]) -> np.ndarray:
    """Draw which classes are taken for which.

    Args:
        counts: (K, K): images of the row's class that were taken for the column's.
        classes: K names; above 30 classes, names and numbers are left out.

    Returns:
        (H, W, 3) uint8: per cent of each row.
    """
    totals = counts.sum(axis=1, keepdims=True)
    percent = 100 * counts / np.maximum(totals, 1)
    number = len(classes)
    side = min(2.6 + 0.52 * number, 10)
    figure = Figure(figsize=(side + 1, side), dpi=110, layout='constrained')
    axes = figure.subplots()
    picture = axes.imshow(percent, cmap='Blues', vmin=0, vmax=100)
    if number <= 30:
        for row, column in np.argwhere(percent >= 0.5):
            color = 'white' if percent[row, column] > 55 else INK
            style = dict(ha='center', va='center', fontsize=8, color=color)
            axes.text(column, row, f'{percent[row, column]:.0f}', **style)
        axes.set_xticks(range(number), classes, rotation=45, ha='right')
        axes.set_yticks(range(number), classes)
    axes.set_xlabel('predicted', color=INK)
    axes.set_ylabel('true', color=INK)
    axes.tick_params(length=0, labelsize=9, colors=INK)
    axes.spines[:].set_visible(False)
    bar = figure.colorbar(picture, ax=axes, shrink=0.85, pad=0.02)
    bar.set_label('% of the true class', fontsize=9)
    bar.outline.set_visible(False)
    return _rendered(figure)


def _rendered(figure: Figure) -> np.ndarray:
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3].copy()
