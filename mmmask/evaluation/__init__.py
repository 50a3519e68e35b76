import mmmask.compat

from .feature_health_loop import FeatureHealthLoop
from .frozen_backbone import FrozenBackbone
from .knn_loop import KNNLoop
from .loop import FrozenLoop
from .object_attention_loop import ObjectAttentionLoop
from .recall_loop import RecallLoop
from .revisited_loop import RevisitedLoop
from .sweep_accuracy import SweepAccuracy
from .sweep_loop import SweepTrainLoop
from .sweep_optimizer import SweepOptimWrapperConstructor

__all__ = [
    'FeatureHealthLoop',
    'FrozenBackbone',
    'FrozenLoop',
    'KNNLoop',
    'ObjectAttentionLoop',
    'RecallLoop',
    'RevisitedLoop',
    'SweepAccuracy',
    'SweepOptimWrapperConstructor',
    'SweepTrainLoop',
]
