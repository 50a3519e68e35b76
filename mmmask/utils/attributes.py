"""Set an attribute of several objects for a while."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def attribute_set(owners: Iterable[Any], name: str, value: Any) -> Iterator[None]:
    """Give an attribute of every object one value, and each its own again afterwards.

    Args:
        owners: The objects; all have the attribute.
        name: The attribute.
        value: The value while the context is open.
    """
    kept = [(owner, getattr(owner, name)) for owner in owners]
    try:
        for owner, _ in kept:
            setattr(owner, name, value)
        yield
    finally:
        for owner, own in kept:
            setattr(owner, name, own)
