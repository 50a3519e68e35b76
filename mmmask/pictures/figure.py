"""Share the images, the networks and the layout among all kinds of sheets."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch

from mmmask.probe import Probe

from .overlay import colour_bar, magnify, overlay_mask
from .sheet import Cell, SheetRow, contact_sheet

SHOWN = 160
"""Pixels of a small image's side on a sheet, about."""
ROWS = 12
"""Images on a sheet."""
HIDDEN = (66, 106, 168)
"""The colour of masked patches, which no grey image has."""


@dataclass(frozen=True)
class Sample:
    """An image (S, S, 3) uint8, RGB, at a network's size; its name is for labels and files."""

    name: str
    image: np.ndarray

    @property
    def shown(self) -> np.ndarray:
        """The image, magnified if it is small."""
        return magnify(self.image, SHOWN)


@dataclass(frozen=True)
class Subject:
    """A network, its name on sheets, and the images that it is shown, at its size."""

    label: str
    probe: Probe
    samples: Sequence[Sample]


@dataclass(frozen=True)
class Options:
    """Choices of the command line.

    Attributes:
        ratios: Mask ratios to compare.
        seed: Of everything random.
        block: Block of received attention; None: as the config's scorer, else the last.
        head: Likewise; a number or 'sum'.
    """

    ratios: tuple[float, ...] = (0.1, 0.3, 0.5, 0.75)
    seed: int = 0
    block: int | None = None
    head: int | str | None = None


@dataclass(frozen=True)
class Sheet:
    """A picture, (H, W, 3) uint8, for a file of a name; a title and a caption for the page."""

    name: str
    title: str
    caption: str
    image: np.ndarray


def hidden(sample: Sample, mask: np.ndarray) -> Cell:
    """Cover an image's masked patches, (h, w) bool, and say how many they are."""
    picture = overlay_mask(sample.shown, mask, HIDDEN, alpha=1.0)
    return Cell(picture, f'{mask.sum()} of {mask.size} ({mask.mean():.0%})')


def span(scores: np.ndarray) -> str:
    """Write the lowest and the highest score."""
    return f'{scores.min():.3g} to {scores.max():.3g}'


def scale() -> np.ndarray:
    """The colour bar of pictures that each span their own range."""
    return colour_bar(SHOWN, "the picture's lowest score", 'its highest')


def sheets(
    name: str,
    title: str,
    caption: str,
    columns: Sequence[str],
    rows: Sequence[SheetRow],
    rows_per_image: int = 1,
    coloured: bool = True,
) -> list[Sheet]:
    """Put rows on sheets of at most ``ROWS`` images; ``coloured``: with the colour bar."""
    step = ROWS * rows_per_image
    parts = [rows[start : start + step] for start in range(0, len(rows), step)]
    return [
        Sheet(
            name if len(parts) == 1 else f'{name}-{number}',
            title if number == 1 else '',
            caption if number == len(parts) else '',
            contact_sheet(columns, part, scale() if coloured else None),
        )
        for number, part in enumerate(parts, start=1)
    ]


@contextmanager
def seeded(seed: int, index: int) -> Iterator[None]:
    """Seed torch for one image: the same draw for every masker and ratio, another for each image.

    The state of torch's generator is the earlier one afterwards.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed((seed * 1_000_003 + index) % 2**63)
        yield
