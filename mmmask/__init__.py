"""Benchmarks how attention-guided masked pre-training transfers, on OpenMMLab.

Importing the package registers its parts as mmpretrain components.
"""

from mmmask.compat import leave_out_multimodal_models, mend_mmseg_configs, silence_mmdet
from mmmask.version import __version__

leave_out_multimodal_models()
mend_mmseg_configs()
silence_mmdet()

from mmmask import datasets, engine, evaluation, models, transfer  # noqa: E402, F401

__all__ = ['__version__']
