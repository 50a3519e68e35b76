"""Pick some items of many."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import numpy as np

T = TypeVar('T')


def pick_evenly(items: Sequence[T], count: int | None) -> list[T]:
    """Return ``count`` evenly spaced items, the first and the last among them; None: all."""
    if count is None:
        return list(items)
    places = np.linspace(0, len(items) - 1, min(count, len(items))).round().astype(int)
    return [items[place] for place in places]
