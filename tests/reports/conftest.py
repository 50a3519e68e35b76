"""The miniature suite of the tests."""

from suite_miniature import miniature  # noqa: F401
