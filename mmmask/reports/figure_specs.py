"""Checks the figures that a suite or a protocol asks for."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from mmmask.utils.errors import UserError
from mmmask.utils.suggestions import suggestion


@dataclass(frozen=True)
class Figure:
    """Drawings (``data:`` addresses), a title above, a caption below, and what colours mean.

    The legend has the name and the CSS colour of each class that is shown.
    """

    title: str
    caption: str
    drawings: Sequence[str] = ()
    legend: Sequence[tuple[str, str]] = ()


def check_arguments(spec: dict, functions: Mapping[str, Callable[..., Figure]], where: str) -> None:
    """Check ``dict(type=..., ...)`` against the keyword arguments of the function of that name.

    Raises:
        UserError: If the type or an argument doesn't exist, or an argument is missing.
    """
    kind = spec['type']
    if kind not in functions:
        raise UserError(f'{where}no such figure: {kind!r}' + suggestion(kind, functions))
    parameters = inspect.signature(functions[kind]).parameters.values()
    known = {p.name: p.default is p.empty for p in parameters if p.kind is p.KEYWORD_ONLY}
    for key in set(spec) - {'type'} - set(known):
        raise UserError(f'{where}figure {kind!r} takes no {key!r}' + suggestion(key, known))
    for key, required in known.items():
        if required and key not in spec:
            raise UserError(f'{where}figure {kind!r} needs {key!r}')
