"""Draw what maskers hide of an image: AttMask's Figures 1, 3 and A6, for every method's masks."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch

from mmmask.models.maskers import (
    BlockMasker,
    HighAttentionMasker,
    HintAttentionMasker,
    ImportanceMasker,
    LowAttentionMasker,
    RandomMasker,
    SoftToHardMasker,
    ThresholdMasker,
)
from mmmask.models.maskers.base import BaseMasker
from mmmask.probe import Unavailable

from .figure import Options, Sample, Sheet, Subject, hidden, scale, seeded, span
from .overlay import overlay_heat
from .sheet import Cell, SheetRow, contact_sheet


@dataclass(frozen=True)
class Candidate:
    """A masker on a sheet.

    Attributes:
        label: Its row's.
        masker: Masks every image; its ratio is set for each column.
        scores: Which it takes: 'cls', 'received', 'own' (the config's) or '' for none.
        draws_ratio: False: one mask, whatever the ratio.
    """

    label: str
    masker: BaseMasker
    scores: str = ''
    draws_ratio: bool = True


def candidates(own: Callable | None, own_scores: bool) -> list[Candidate]:
    """Return every masker, with the settings of a model's own where that is of the kind.

    Args:
        own: The model's masker, or None.
        own_scores: Whether the model gives it scores.
    """

    def pick(default: BaseMasker, scores: str = '') -> tuple[BaseMasker, str]:
        is_own = type(own) is type(default)
        masker = copy.copy(own if is_own else default)
        masker.prob = 1.0
        return masker, 'own' if is_own and own_scores else scores

    rows = [
        Candidate(f'AttMask-{name}', *pick(masker, 'cls'))
        for name, masker in (
            ('High', HighAttentionMasker()),
            ('Hint', HintAttentionMasker()),
            ('Low', LowAttentionMasker()),
        )
    ]
    rows.append(Candidate('random', *pick(RandomMasker())))
    rows.append(Candidate('block-wise', *pick(BlockMasker())))
    masker, scores = pick(ThresholdMasker(), 'cls')
    label = f'MST, p = {masker.token_prob:g} among the lowest 1/{masker.num}'
    rows.append(Candidate(label, masker, scores, draws_ratio=False))
    for progress in (0.0, 0.5, 1.0):
        masker, scores = pick(SoftToHardMasker(), 'received')
        masker.progress = progress
        rows.append(Candidate(f'GPA at t/T = {progress:g}', masker, scores))
    rows.append(Candidate('ccMIM', *pick(ImportanceMasker(), 'cls')))
    return rows


def mask_sheets(subject: Subject, options: Options, say: Callable[[str], None]) -> list[Sheet]:
    """Draw one sheet for each image: a row for each masker, a column for each ratio.

    Args:
        subject: The network and its images.
        options: Ratios, seed, and whose received attention GPA's masks take.
        say: Gets a line for scores that the network doesn't give: their maskers are left out.
    """
    own, samples = subject.probe.masker, subject.samples
    rows = candidates(own, getattr(own, 'needs_scores', False))
    columns = ['scores, or the image', *(f'{ratio:.0%}' for ratio in options.ratios)]
    sheets, missing = [], {}
    for index, sample in enumerate(samples):
        given = _scores(subject, sample, options, missing)
        lines = []
        for row in (row for row in rows if row.scores in given):
            scores = given[row.scores]
            drawn = options.ratios if row.draws_ratio else (None,)
            masks = [
                _draw(row.masker, ratio, scores, subject, index, options.seed) for ratio in drawn
            ]
            first = Cell(sample.shown)
            if scores is not None:
                first = Cell(overlay_heat(sample.shown, scores), span(scores))
            lines.append(SheetRow(row.label, [first, *(hidden(sample, mask) for mask in masks)]))
        name = f'masks-{index + 1:03d}-{re.sub("[^A-Za-z0-9._-]", "_", sample.name)}'
        title = 'Masks' if index == 0 else ''
        caption = _caption(subject, options) if index == len(samples) - 1 else ''
        sheets.append(Sheet(name, title, caption, contact_sheet(columns, lines, scale())))
    for kind, reason in missing.items():
        say(f'masks: left out those by {kind} scores. {reason}')
    return sheets


def _scores(
    subject: Subject, sample: Sample, options: Options, missing: dict[str, str]
) -> dict[str, np.ndarray | None]:
    """Return the scores (h, w) that the network gives, by name; note what is missing."""
    readers = {
        'cls': lambda: subject.probe.attention(sample.image).mean(axis=0),
        'received': lambda: subject.probe.received_attention(
            sample.image, options.block, options.head
        ),
        'own': lambda: subject.probe.own_scores(sample.image),
    }
    if options.block is not None or options.head is not None:
        readers['own'] = readers['received'] if subject.probe.reads_received else readers['own']
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


def _draw(
    masker: BaseMasker,
    ratio: float | None,
    scores: np.ndarray | None,
    subject: Subject,
    index: int,
    seed: int,
) -> np.ndarray:
    """Draw one mask, (h, w) bool; ratios of one image share their noise, so that masks grow."""
    masker = copy.copy(masker)
    if ratio is not None:
        masker.ratio = (ratio, ratio)
    with torch.random.fork_rng(devices=[]):
        seeded(seed, index)
        return subject.probe.mask(masker, scores)


def _caption(subject: Subject, options: Options) -> str:
    probe = subject.probe
    return (
        'Masked patches are blue, their number stands below. Scores of AttMask, MST and ccMIM: '
        f'{probe.attention_name} of the {probe.source}, mean over heads. Scores of GPA: '
        f'{probe.received_name(options.block, options.head)}. The masker of the config itself gets '
        "the config's scores and settings. Each heat map spans its own range. MST draws its number "
        'on its own. Block-wise masks hold at most as many patches as the ratio asks for.'
    )
