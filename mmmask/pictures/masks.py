"""Draw what maskers hide of an image: AttMask's Figures 1, 3 and A6, for every method's masks."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from mmmask.models import maskers
from mmmask.models.maskers.base import BaseMasker
from mmmask.probe import Probe, Unavailable
from mmmask.utils.errors import UserError

from .figure import Options, Sample, Sheet, Subject, hidden, scale, seeded, span
from .overlay import overlay_heat
from .sheet import Cell, SheetRow, contact_sheet


@dataclass(frozen=True)
class Candidate:
    """A masker on a sheet, its row's label, and its scores.

    ``scores`` is 'cls', 'received', 'own' (the config's), or '' for none.
    """

    label: str
    masker: BaseMasker
    scores: str


def candidates(own: Callable | None, own_scores: bool) -> list[Candidate]:
    """Return every masker, with the settings of a model's own where that is of the kind.

    Args:
        own: The model's masker, or None.
        own_scores: Whether the model gives it scores.
    """

    def candidate(label: str, masker: BaseMasker, scores: str = '', **values: float) -> Candidate:
        is_own = type(own) is type(masker)
        masker = copy.copy(own if is_own else masker)
        for name, value in dict(values, prob=1.0).items():
            setattr(masker, name, value)
        scores = 'own' if is_own and own_scores else scores
        return Candidate(label.format(masker), masker, scores)

    mst = 'MST, p = {0.token_prob:g} among the lowest 1/{0.num}'
    gpa = 'GPA at t/T = {0.progress:g}'
    return [
        candidate('AttMask-High', maskers.HighAttentionMasker(), 'cls'),
        candidate('AttMask-Hint', maskers.HintAttentionMasker(), 'cls'),
        candidate('AttMask-Low', maskers.LowAttentionMasker(), 'cls'),
        candidate('random', maskers.RandomMasker()),
        candidate('block-wise', maskers.BlockMasker()),
        candidate(mst, maskers.ThresholdMasker(), 'cls'),
        candidate(gpa, maskers.SoftToHardMasker(), 'received', progress=0.0),
        candidate(gpa, maskers.SoftToHardMasker(), 'received', progress=0.5),
        candidate(gpa, maskers.SoftToHardMasker(), 'received', progress=1.0),
        candidate('ccMIM', maskers.ImportanceMasker(), 'cls'),
    ]


def mask_sheets(subject: Subject, options: Options, say: Callable[[str], None]) -> list[Sheet]:
    """Draw one sheet for each image: a row for each masker, a column for each ratio.

    Args:
        subject: The network and its images.
        options: Ratios, seed, and whose received attention GPA's masks take.
        say: Gets a line for scores that the network doesn't give: their maskers are left out.
    """
    own, samples = subject.probe.masker, subject.samples
    rows = candidates(own, getattr(own, 'needs_scores', False))
    columns = _columns(options)
    sheets, missing = [], {}
    for index, sample in enumerate(samples):
        given = _scores(subject, sample, options, missing)
        lines = [
            _line(row.label, subject.probe, row.masker, given[row.scores], sample, index, options)
            for row in rows
            if row.scores in given
        ]
        name = f'masks-{index + 1:03d}-{re.sub("[^A-Za-z0-9._-]", "_", sample.name)}'
        title = 'Masks' if index == 0 else ''
        caption = _caption(subject, options) if index == len(samples) - 1 else ''
        sheets.append(Sheet(name, title, caption, contact_sheet(columns, lines, scale())))
    for kind, reason in missing.items():
        say(f'masks: left out those by {kind} scores. {reason}')
    return sheets


def own_mask_sheets(subjects: Sequence[Subject], options: Options) -> list[Sheet]:
    """Draw one sheet for each image: a row for each network's own masks, a column for each ratio.

    Args:
        subjects: Networks that are shown the same images.
        options: Ratios and seed.

    Raises:
        UserError: If a network has no masker.
    """
    if without := [one.label for one in subjects if one.probe.masker is None]:
        raise UserError(f'{without[0]} has no masker whose masks could be drawn')
    sheets = []
    for index, sample in enumerate(subjects[0].samples):
        lines = []
        for one in subjects:
            masker = copy.copy(one.probe.masker)
            masker.prob = 1.0
            scores = one.probe.own_scores(sample.image)
            lines.append(_line(one.label, one.probe, masker, scores, sample, index, options))
        sheet = contact_sheet(_columns(options), lines, scale())
        sheets.append(Sheet(f'own-masks-{index + 1:03d}', '', '', sheet))
    return sheets


def _columns(options: Options) -> list[str]:
    return ['scores, or the image', *(f'{ratio:.0%}' for ratio in options.ratios)]


def _line(
    label: str,
    probe: Probe,
    masker: BaseMasker,
    scores: np.ndarray | None,
    sample: Sample,
    index: int,
    options: Options,
) -> SheetRow:
    """Draw the scores (h, w) of an image, or the image without any, and its masks."""
    # MST's masker draws its number on its own: once, whatever the ratio.
    ratios = (None,) if isinstance(masker, maskers.ThresholdMasker) else options.ratios
    masks = []
    for ratio in ratios:
        masker = copy.copy(masker)
        if ratio is not None:
            masker.ratio = (ratio, ratio)
        with seeded(options.seed, index):  # ratios share their noise, so that masks grow
            masks.append(probe.mask(masker, scores))
    first = Cell(sample.shown)
    if scores is not None:
        first = Cell(overlay_heat(sample.shown, scores), span(scores))
    return SheetRow(label, [first, *(hidden(sample, mask) for mask in masks)])


def _scores(
    subject: Subject, sample: Sample, options: Options, missing: dict[str, str]
) -> dict[str, np.ndarray | None]:
    """Return the scores (h, w) that the network gives, by name; note what is missing."""
    probe = subject.probe
    received = partial(probe.received_attention, sample.image, options.block, options.head)
    own = partial(probe.own_scores, sample.image)
    if probe.reads_received and (options.block, options.head) != (None, None):
        own = received
    readers = dict(
        cls=lambda: probe.attention(sample.image).mean(axis=0), received=received, own=own
    )
    given: dict[str, np.ndarray | None] = {'': None}
    for kind, read in readers.items():
        try:
            scores = read()
        except Unavailable as error:
            missing[kind] = str(error)
            continue
        if scores is not None:
            given[kind] = scores
    return given


def _caption(subject: Subject, options: Options) -> str:
    probe = subject.probe
    return (
        'Masked patches are blue, their number stands below. Scores of AttMask, MST and ccMIM: '
        f'{probe.attention_name} of the {probe.source}, mean over heads. Scores of GPA: '
        f'{probe.received_name(options.block, options.head)}. The masker of the config itself gets '
        "the config's scores and settings. Each heat map spans its own range. MST draws its number "
        'on its own. Block-wise masks hold at most as many patches as the ratio asks for.'
    )
