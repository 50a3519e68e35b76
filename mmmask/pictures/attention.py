"""What the network attends to: AttMask's Figure 1, GPA's Figure 2."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from mmmask.models.maskers.base import top_ranked
from mmmask.visualization import Cell, SheetRow, heat_map, overlay_heat

from .figure import Options, Sample, Sheet, hidden, sheets, span
from .subject import Subject

HARD_SHARE = 0.75
"""Of GPA's Figure 2."""


def attention_sheets(subject: Subject, samples: Sequence[Sample], options: Options) -> list[Sheet]:
    """Attention, mean over heads and each head: laid over the image, and alone."""
    rows = []
    for sample in samples:
        heads = subject.attention(sample.image)
        maps = [heads.mean(axis=0), *heads]
        over = [Cell(overlay_heat(sample.shown, m), span(m)) for m in maps]
        alone = [Cell(heat_map(m, sample.shown.shape[:2])) for m in maps]
        rows += [SheetRow(sample.name, [Cell(sample.shown), *over]), SheetRow('', [None, *alone])]
    columns = ['image', 'mean', *(f'head {index}' for index in range(len(heads)))]
    caption = (
        f'{subject.attention_name} of the {subject.source}, mean over heads and each head, laid '
        'over the image and alone. Each picture spans its own range, which stands below it.'
    )
    return sheets('attention', 'Attention', caption, columns, rows, rows_per_image=2)


def gpa_sheets(subject: Subject, samples: Sequence[Sample], options: Options) -> list[Sheet]:
    """Received attention, and the patches that hard masking would take."""
    rows = []
    for sample in samples:
        scores = subject.received(sample.image, options.block, options.head)
        cells = [
            Cell(sample.shown),
            Cell(overlay_heat(sample.shown, scores), span(scores)),
            Cell(heat_map(scores, sample.shown.shape[:2])),
            hidden(sample, _hardest(scores)),
        ]
        rows.append(SheetRow(sample.name, cells))
    columns = ['image', 'received attention', 'alone', f'highest {HARD_SHARE:.0%} masked']
    caption = (
        'Attention that each patch receives from all others (GPA, Figure 2): '
        f'{subject.received_name(options.block, options.head)}.'
    )
    return sheets('gpa', 'Received attention', caption, columns, rows)


def _hardest(scores: np.ndarray) -> np.ndarray:
    """(h, w) bool: the share of the highest scores."""
    count = torch.tensor([int(HARD_SHARE * scores.size)])
    return top_ranked(torch.from_numpy(scores.reshape(1, -1)), count).numpy().reshape(scores.shape)
