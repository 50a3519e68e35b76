import mmmask.compat

from .accuracy import Accuracy
from .davis_loop import DavisLoop
from .embed_loop import EmbedLoop
from .feature_health_loop import FeatureHealthLoop
from .few_shot_knn_loop import FewShotKNNLoop
from .frozen_backbone import FrozenBackbone
from .knn_loop import KNNLoop
from .knn_segmentation_loop import KNNSegmentationLoop
from .linear_fit_loop import LinearFitLoop
from .loop import FrozenLoop
from .object_attention_loop import ObjectAttentionLoop
from .recall_loop import RecallLoop
from .revisited_loop import RevisitedLoop
from .ridge_loop import RidgeLoop
from .robustness_loop import RobustnessLoop
from .sweep_accuracy import SweepAccuracy
from .sweep_loop import SweepTrainLoop
from .sweep_optimizer import SweepOptimWrapperConstructor

__all__ = [
    'Accuracy',
    'DavisLoop',
    'EmbedLoop',
    'FeatureHealthLoop',
    'FewShotKNNLoop',
    'FrozenBackbone',
    'FrozenLoop',
    'KNNLoop',
    'KNNSegmentationLoop',
    'LinearFitLoop',
    'ObjectAttentionLoop',
    'RecallLoop',
    'RevisitedLoop',
    'RidgeLoop',
    'RobustnessLoop',
    'SweepAccuracy',
    'SweepOptimWrapperConstructor',
    'SweepTrainLoop',
]
