"""Find the known name that a misspelt one is meant for."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def nearest(name: str, known: Iterable[str], cutoff: float = 0.6) -> str | None:
    """Return the known name that is spelt most like ``name``; None if none is near.

    Args:
        name: What the user wrote.
        known: What would be right.
        cutoff: Least similarity, from 0 (anything) to 1 (the same).
    """
    found = difflib.get_close_matches(name, list(known), n=1, cutoff=cutoff)
    return found[0] if found else None


def suggestion(name: str, known: Iterable[str]) -> str:
    """Return ``'; did you mean x?'`` with the nearest known name, else list what is known."""
    known = sorted(known)
    near = nearest(name, known)
    if near is not None:
        return f'; did you mean {near!r}?'
    return f'; known: {", ".join(known[:12])}{", ..." if len(known) > 12 else ""}'
