"""The tiny network of the tests."""

from tiny_network import checkpoint, config, scenes  # noqa: F401
