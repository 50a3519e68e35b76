"""Measure which part of objects masks cover."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np

from mmmask.evaluation.metrics import coverage
from mmmask.models import maskers
from mmmask.models.attention import AttentionTap, ReceivedAttentionTap
from mmmask.probe import Probe
from mmmask.utils.errors import UserError
from mmmask.utils.progress import Progress

MEASURES = ('share', 'recall', 'precision', 'lift')


@dataclass(frozen=True)
class Strategy:
    """A masker to measure.

    Attributes:
        name: Its name in tables.
        masker: Masks every image.
        tap: Reads its scores; None: it takes none.
        random: Whether it draws anything.
        note: Difference from the method as published.
    """

    name: str
    masker: Callable
    tap: Callable | None = None
    random: bool = False
    note: str = ''


def strategies(
    ratio: float, num_tokens: int, block: int = -1, head: int | str = -1
) -> list[Strategy]:
    """Return every masker of the methods, at one ratio.

    Args:
        ratio: Share r of the L patches that are masked, int(r L).
        num_tokens: L.
        block: Block of GPA's scores.
        head: Head of GPA's scores.

    Raises:
        UserError: If the ratio masks nothing, or everything.
    """
    count = int(ratio * num_tokens)
    if not 0 < count < num_tokens:
        raise UserError(
            f'--ratio {ratio} masks {count} of {num_tokens} patches: take another, or a larger '
            '--size.'
        )
    # All candidates are masked, where MST masks a tenth of them: the number of candidates, and not
    # chance, gives the ratio. Half of the patches at most, or nothing would be left.
    num = min(range(2, num_tokens + 1), key=lambda n: abs(num_tokens // n - count))
    candidates = maskers.ThresholdMasker(num=num, token_prob=1.0)
    hard = maskers.SoftToHardMasker(ratio, soft=(0.0, 0.0), hard=(1.0, 1.0))
    high = maskers.HighAttentionMasker(ratio=ratio, prob=1.0)
    hint = maskers.HintAttentionMasker(ratio=ratio, prob=1.0)
    low = maskers.LowAttentionMasker(ratio=ratio, prob=1.0)
    cls, every = AttentionTap(blocks=(-1,)), AttentionTap(blocks='all')
    received = ReceivedAttentionTap(block, head)
    of_hint = 'AttMask-High less the tokens that it shows again'
    of_mst = (
        f'all its candidates, 1 / {num} of the patches, as the nearest share; in training it masks '
        'a part of 1 / 8'
    )
    of_gpa = f'attention received, block {block}, head {head}'
    of_ccmim = 'CLS attention summed over all blocks'
    return [
        Strategy('random', maskers.RandomMasker(ratio), random=True),
        Strategy('AttMask-High', high, cls),
        Strategy('AttMask-Hint', hint, cls, random=True, note=of_hint),
        Strategy('AttMask-Low', low, cls),
        Strategy('MST', candidates, cls, note=of_mst),
        Strategy('GPA, all hard', hard, received, note=of_gpa),
        Strategy('ccMIM, published', maskers.ImportanceMasker(ratio), every, True, of_ccmim),
        Strategy('ccMIM, top', high, every, note='the same scores'),
    ]


def measure_each(
    probe: Probe,
    images: Iterable[tuple[np.ndarray, np.ndarray]],
    chosen: list[Strategy],
    draws: int = 10,
    progress: Progress | None = None,
) -> dict[str, np.ndarray]:
    """Measure the coverage of each image by each strategy.

    Args:
        probe: The network that gives the scores.
        images: (size, size, 3) uint8 and coverage (h, w) of each.
        chosen: The strategies.
        draws: Of random ones for each image; an image counts by their mean. From torch's generator.
        progress: Counts images.

    Returns:
        Strategy's name -> (N, 4), the :data:`MEASURES` of each image.

    Raises:
        UserError: If an image has no object.
    """
    taps = {str(id(s.tap)): s.tap for s in chosen if s.tap is not None}  # shared ones once
    found: dict[str, list[list[float]]] = {s.name: [] for s in chosen}
    for image, patches in images:
        records = probe.read([image], taps)
        objects = patches.reshape(-1)
        if not objects.any():
            raise UserError('An image has no pixel of an object: its masks are empty.')
        for strategy in chosen:
            tap = strategy.tap
            scores = None if tap is None else records[str(id(tap))].scores().cpu()
            values = []
            for _ in range(draws if strategy.random else 1):
                mask = strategy.masker(patches.shape, 1, scores)[0].numpy()
                values.append([coverage(mask, objects)[key] for key in MEASURES])
            found[strategy.name].append(np.mean(values, axis=0))
        if progress is not None:
            progress.advance(1)
    return {name: np.stack(values) for name, values in found.items()}


def mean_and_error(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean over the first axis and its standard error (NaN for a single image).

    Args:
        values: (N, ...), N at least 1.

    Returns:
        Two (...) arrays.
    """
    values = np.asarray(values, np.float64)
    mean = values.mean(axis=0)
    if len(values) == 1:
        return mean, np.full_like(mean, math.nan)
    return mean, values.std(axis=0, ddof=1) / math.sqrt(len(values))


def summary(values: np.ndarray) -> dict[str, tuple[float, float]]:
    """Return mean over images and standard error of each measure, of one strategy's (N, 4)."""
    mean, error = mean_and_error(values)
    return dict(zip(MEASURES, zip(mean.tolist(), error.tolist())))


def lift_difference(first: np.ndarray, second: np.ndarray) -> tuple[float, float]:
    """Return mean and standard error of one strategy's lifts less another's, image by image.

    Both are (N, 4), of the same images.
    """
    lift = MEASURES.index('lift')
    mean, error = mean_and_error(first[:, lift] - second[:, lift])
    return float(mean), float(error)
