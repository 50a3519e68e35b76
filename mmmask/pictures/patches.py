"""Draw the features of patches as colours, for each network."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .feature_maps import patch_colours
from .figure import Options, Sheet, Subject, sheets
from .sheet import Cell, SheetRow


def patch_sheets(subjects: Sequence[Subject], options: Options) -> list[Sheet]:
    """Draw the first three principal components of patch features as red, green and blue.

    The components of a network are fitted to all images together.
    """
    columns = []
    for subject in subjects:
        features = np.stack([subject.probe.patches(sample.image) for sample in subject.samples])
        count, rows, wide, width = features.shape
        colours = patch_colours(features.reshape(count, -1, width)).reshape(count, rows, wide, 3)
        columns.append((255 * colours).round().astype(np.uint8))
    rows = []
    for number, sample in enumerate(subjects[0].samples):
        shown = sample.shown
        cells = [Cell(shown), *(Cell(_enlarged(c[number], shown.shape[:2])) for c in columns)]
        rows.append(SheetRow(sample.name, cells))
    caption = (
        'The first three principal components of the features of patches, as red, green and blue: '
        'within a column, equal colours are equal features. Each component spans its 1st to 99th '
        'percentile over all images.'
    )
    names = [subject.label for subject in subjects] if len(subjects) > 1 else ['patches']
    heading = ['image', *names]
    return sheets('patches', 'Patches as colours', caption, heading, rows, coloured=False)


def _enlarged(colours: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Repeat the colours of patches (h, w, 3) to the size of an image."""
    rows, columns = (np.arange(new) * old // new for new, old in zip(shape, colours.shape))
    return colours[rows][:, columns]
