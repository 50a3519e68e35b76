"""Define the exceptions for mistakes that a user can mend."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager


class UserError(ValueError):
    """Says that the input is bad: a wrong path, key, shape, ratio, checkpoint or data set.

    The message is one line that says what is wrong and what to do. The launchers print it without a
    traceback and exit with status 1.
    """


class JointError(UserError):
    """A `UserError` that every process raises at the same point of a run.

    Process 0 alone tells it, and they leave together.
    """


class DivergedError(ValueError):
    """Says that the network gives NaN or infinite values.

    A part that meets them raises it; the launcher adds when, and which checkpoint came before.
    """


def check_choice(name: str, value: object, choices: Sequence[str]) -> None:
    """Raise a :class:`UserError` if an option's value is none of its choices."""
    *others, last = map(repr, choices)
    if value not in choices:
        raise UserError(f'{name} must be {", ".join(others)} or {last}, got {value!r}')


@contextmanager
def explained(what: str) -> Iterator[None]:
    """Turn any error into a :class:`UserError` that says what failed and why, in one line."""
    try:
        yield
    except UserError:
        raise
    except Exception as error:
        raise UserError(f'{what}: {one_line(error)}') from error


def one_line(error: BaseException) -> str:
    """Return the message of an exception in one line, also if a data loader's worker raised it."""
    text = str(error.args[0]) if isinstance(error, KeyError) and error.args else str(error)
    if text.startswith('Caught ') and 'Original Traceback' in text:
        text = text.strip().rsplit('\n', 1)[-1].partition(': ')[2]
    return re.sub(r'\s*\n\s*', ' ', text.strip()) or type(error).__name__
