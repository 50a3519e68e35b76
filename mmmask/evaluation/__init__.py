import mmmask.compat

from .frozen_backbone import FrozenBackbone
from .knn_loop import KNNLoop
from .loop import FrozenLoop
from .sweep_accuracy import SweepAccuracy
from .sweep_optimizer import SweepOptimWrapperConstructor

__all__ = [
    'FrozenBackbone',
    'FrozenLoop',
    'KNNLoop',
    'SweepAccuracy',
    'SweepOptimWrapperConstructor',
]
