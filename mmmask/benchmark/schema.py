"""Checks the dicts of a suite against the dataclasses that they become."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import MISSING, fields
from typing import Any

from mmmask.utils.errors import UserError
from mmmask.utils.suggestions import suggestion


def check_known(name: str, known: Iterable[str], message: str) -> None:
    """Check that a name is known; ``{}`` in the message stands for it."""
    if name not in known:
        raise UserError(message.format(repr(name)) + suggestion(str(name), known))


def check_keys(
    item: Any, known: Iterable[str], required: Iterable[str], where: str, hint: str = ''
) -> None:
    """Check that an item is a dict whose keys are known and that has those required."""
    if not isinstance(item, dict):
        raise UserError(f'{where} must be a dict, got {item!r}')
    for key in item:
        if key not in known:
            raise UserError(f'{where}: unknown key {key!r}{suggestion(key, known)}{hint}')
    missing = [key for key in required if key not in item]
    if missing:
        raise UserError(f'{where}: {missing[0]!r} is missing')


def check_schema(item: Any, schema: type, where: str, implied: Iterable[str] = ()) -> None:
    """Check a dict's keys against the fields of a dataclass, less the implied ones."""
    chosen = [f for f in fields(schema) if f.name not in implied]
    required = [f.name for f in chosen if f.default is MISSING and f.default_factory is MISSING]
    check_keys(item, [f.name for f in chosen], required, where)
