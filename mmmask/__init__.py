"""Benchmarks how attention-guided masked pre-training transfers, on OpenMMLab.

``import mmmask.registration`` registers the parts as mmpretrain components.
"""

from mmmask.version import __version__

__all__ = ['__version__']
