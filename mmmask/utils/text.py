"""Writes durations, plurals and columns."""

from __future__ import annotations

from collections.abc import Sequence


def in_words(seconds: float) -> str:
    """Write a duration as ``'7 s'``, ``'6 min'`` or ``'2 h 05 min'``."""
    if seconds < 99.5:
        return f'{seconds:.0f} s'
    minutes = round(seconds / 60)
    return f'{minutes} min' if minutes < 60 else f'{minutes // 60} h {minutes % 60:02d} min'


def plural(unit: str) -> str:
    """Return the plural of a unit: images, queries."""
    return f'{unit[:-1]}ies' if unit.endswith('y') else f'{unit}s'


def aligned(rows: Sequence[Sequence[str]]) -> str:
    """Write rows as text with columns of equal width."""
    widths = [max(map(len, column)) for column in zip(*rows)]
    lines = ('  '.join(c.ljust(w) for c, w in zip(row, widths)) for row in rows)
    return '\n'.join(line.rstrip() for line in lines)
