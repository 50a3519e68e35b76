"""Some of many, evenly spread."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import numpy as np

T = TypeVar('T')


def evenly_spread(items: Sequence[T], count: int) -> list[T]:
    """``count`` of the items, from the first to the last; all where there aren't more."""
    places = np.linspace(0, len(items) - 1, min(count, len(items))).round().astype(int)
    return [items[place] for place in places]
