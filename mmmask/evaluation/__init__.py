import mmmask.compat

from .frozen_backbone import FrozenBackbone
from .knn_loop import KNNLoop
from .loop import FrozenLoop
from .recall_loop import RecallLoop
from .revisited_loop import RevisitedLoop
from .sweep_accuracy import SweepAccuracy
from .sweep_optimizer import SweepOptimWrapperConstructor

__all__ = [
    'FrozenBackbone',
    'FrozenLoop',
    'KNNLoop',
    'RecallLoop',
    'RevisitedLoop',
    'SweepAccuracy',
    'SweepOptimWrapperConstructor',
]
