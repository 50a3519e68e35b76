"""What need not fit: the few expected cases, and those that a user names."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase

from torch import nn

from mmmask.utils.errors import UserError

# By pattern and for which modules; each is reported where it happens.
_MAY_BE_UNEXPECTED = (
    (r'mask_token', lambda module: True),
    (r'ln1\..*', lambda module: getattr(module, 'final_norm', True) is False),
    (r'ln2\..*', lambda module: not hasattr(module, 'ln2')),  # behind a mean over patches
    (r'(.*\.)?relative_position_index', lambda module: True),
    (r'norm[0-3]\..*', lambda module: hasattr(module, 'stages')),  # Swin's, one for each output
    (r'(fc|head|classifier)\..*', lambda module: not hasattr(module, 'backbone')),  # a classifier's
)
_MAY_BE_MISSING = (
    (r'mask_token', lambda module: True),
    (r'ln2\..*', lambda module: getattr(module, 'out_type', None) == 'avg_featmap'),
    (r'(.*\.)?relative_position_index', lambda module: True),
    (r'norm[0-2]\..*', lambda module: hasattr(module, 'stages')),
    (r'(.*\.)?num_batches_tracked', lambda module: True),
)


@dataclass(frozen=True)
class Allowed:
    """Exceptions that a user names: names of tensors, or patterns with ``*``.

    Attributes:
        missing: Tensors of the module that the file need not have.
        unexpected: Tensors of the file that the module need not have.
        heads: Whether another number of attention heads will do.
    """

    missing: tuple[str, ...] = ()
    unexpected: tuple[str, ...] = ()
    heads: bool = False

    @classmethod
    def parse(cls, allow: Mapping[str, Iterable[str] | bool] | None) -> Allowed:
        """From ``init_cfg.allow``.

        Raises:
            UserError: If it isn't a dict of 'missing' and 'unexpected' with names, one or a list,
                and 'heads' with a truth value; or a pattern names no part.
        """
        allow = {} if allow is None else allow
        if not isinstance(allow, Mapping) or set(allow) - {'missing', 'unexpected', 'heads'}:
            raise UserError(
                f'init_cfg.allow is dict(missing=[...], unexpected=[...], heads=True), not {allow}.'
            )
        heads = allow.get('heads', False)
        if not isinstance(heads, bool):
            raise UserError(f'init_cfg.allow.heads is True or False, not {heads!r}.')
        sides = [side for side in allow if side != 'heads']
        return cls(heads=heads, **{side: _patterns(side, allow[side]) for side in sides})

    def sort_missing(self, module: nn.Module, names: list[str]) -> tuple[list[str], list[str]]:
        """Split names that are missing in the file into fine ones and faults."""
        return _sort(module, names, self.missing, _MAY_BE_MISSING)

    def sort_unexpected(self, module: nn.Module, names: list[str]) -> tuple[list[str], list[str]]:
        """Split names that the module hasn't into fine ones and faults."""
        return _sort(module, names, self.unexpected, _MAY_BE_UNEXPECTED)

    def check_needed(self, missing: list[str], unexpected: list[str]) -> None:
        """Every pattern must be of a name that is missing, or unexpected.

        Raises:
            UserError: One isn't.
        """
        for side, patterns, names in (
            ('missing', self.missing, missing),
            ('unexpected', self.unexpected, unexpected),
        ):
            for pattern in patterns:
                if not any(fnmatchcase(name, pattern) for name in names):
                    raise UserError(
                        f"init_cfg.allow names '{pattern}', but that isn't {side}: remove it."
                    )


def matches(name: str, patterns: Iterable[str]) -> bool:
    """Whether a tensor's name is one of the names or patterns."""
    return any(fnmatchcase(name, pattern) for pattern in patterns)


def _patterns(side: str, names: object) -> tuple[str, ...]:
    names = [names] if isinstance(names, str) else names
    if not isinstance(names, (list, tuple)) or not all(isinstance(name, str) for name in names):
        raise UserError(f'init_cfg.allow.{side} is a list of names, not {names!r}.')
    for name in names:
        if not re.search(r'\w', name):
            raise UserError(
                f"init_cfg.allow.{side} names '{name}', which is everything or nothing: name the "
                "parts, e.g. 'ln1.*'."
            )
    return tuple(names)


def _sort(
    module: nn.Module, names: list[str], allowed: tuple[str, ...], rules: tuple
) -> tuple[list[str], list[str]]:
    fine = [
        name
        for name in names
        if matches(name, allowed)
        or any(re.fullmatch(pattern, name) and applies(module) for pattern, applies in rules)
    ]
    return fine, [name for name in names if name not in fine]
