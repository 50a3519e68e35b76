"""Types of command line options."""

from __future__ import annotations

import argparse


def positive(text: str) -> int:
    """A number of at least 1."""
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f'must be a positive number, got {text!r}')
    return int(text)


def number_or_all(text: str) -> int | None:
    """A number, or 0 for all, which is None."""
    if not text.isdigit():
        raise argparse.ArgumentTypeError(f'must be a number, 0 for all, got {text!r}')
    return int(text) or None


def head(text: str) -> int | str:
    """A head's number, or ``'sum'`` over heads."""
    if text == 'sum':
        return text
    try:
        return int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"must be a number or 'sum', got {text!r}") from None
