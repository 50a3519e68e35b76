"""The tiny network and the miniature suite of the tests."""

from suite_miniature import miniature  # noqa: F401
from tiny_network import arguments, checkpoint, config, scenes  # noqa: F401
