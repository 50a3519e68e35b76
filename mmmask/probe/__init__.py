"""Look into a network: its attention, its masks, its features, its reconstructions."""

import mmmask.compat  # noqa: F401

from .network import build_network
from .probe import Probe, Unavailable

__all__ = ['Probe', 'Unavailable', 'build_network']
