"""Draw what networks attend to: AttMask's Figure 1, GPA's Figure 2, MST's appendix figure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import torch

from mmmask.models.maskers.base import top_ranked

from .figure import Options, Sample, Sheet, Subject, hidden, sheets, span
from .overlay import heat_map, overlay_heat
from .sheet import Cell, SheetRow

HARD_SHARE = 0.75
"""Share of masked patches in GPA's Figure 2."""


def attention_sheets(subjects: Sequence[Subject], options: Options) -> list[Sheet]:
    """Draw attention, mean over heads and each head, one row for each network.

    A single network has a second row with the maps alone.
    """
    alone = len(subjects) == 1
    rows = []
    for label, subject, sample in _in_turn(subjects):
        heads = subject.probe.attention(sample.image)
        maps = [heads.mean(axis=0), *heads]
        over = [Cell(overlay_heat(sample.shown, m), span(m)) for m in maps]
        rows.append(SheetRow(label, [Cell(sample.shown), *over]))
        if alone:
            cells = [Cell(heat_map(m, sample.shown.shape[:2])) for m in maps]
            rows.append(SheetRow('', [None, *cells]))
    most = max(len(row.cells) for row in rows) - 2
    columns = ['image', 'mean', *(f'head {index}' for index in range(most))]
    names = '; '.join(
        f'{s.label}: {s.probe.attention_name} of the {s.probe.source}' for s in subjects
    )
    caption = (
        f'Mean over heads and each head, laid over the image{" and alone" if alone else ""}. '
        f'Each picture spans its own range, which stands below it. {names}.'
    )
    per_image = 2 if alone else len(subjects)
    return sheets('attention', 'Attention', caption, columns, rows, rows_per_image=per_image)


def gpa_sheets(subjects: Sequence[Subject], options: Options) -> list[Sheet]:
    """Draw received attention, and the patches that hard masking would take."""
    rows = []
    for label, subject, sample in _in_turn(subjects):
        scores = subject.probe.received_attention(sample.image, options.block, options.head)
        cells = [
            Cell(sample.shown),
            Cell(overlay_heat(sample.shown, scores), span(scores)),
            Cell(heat_map(scores, sample.shown.shape[:2])),
            hidden(sample, hardest(scores)),
        ]
        rows.append(SheetRow(label, cells))
    columns = ['image', 'received attention', 'alone', f'highest {HARD_SHARE:.0%} masked']
    names = '; '.join(
        f'{s.label}: {s.probe.received_name(options.block, options.head)}' for s in subjects
    )
    caption = f'Attention that each patch receives from all others (GPA, Figure 2). {names}.'
    return sheets('gpa', 'Received attention', caption, columns, rows, len(subjects))


def _in_turn(subjects: Sequence[Subject]) -> Iterator[tuple[str, Subject, Sample]]:
    """Yield every image as each network gets it, with the label of its row."""
    for samples in zip(*(subject.samples for subject in subjects)):
        for subject, sample in zip(subjects, samples):
            name = samples[0].name
            yield name if len(subjects) == 1 else f'{name}: {subject.label}', subject, sample


def hardest(scores: np.ndarray) -> np.ndarray:
    """Return (h, w) bool: the share of the highest scores."""
    count = torch.tensor([int(HARD_SHARE * scores.size)])
    return top_ranked(torch.from_numpy(scores.reshape(1, -1)), count).numpy().reshape(scores.shape)
