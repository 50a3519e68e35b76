import mmmask.compat

from .accuracy import Accuracy
from .frozen_backbone import FrozenBackbone
from .loops.davis_loop import DavisLoop
from .loops.embed_loop import EmbedLoop
from .loops.feature_health_loop import FeatureHealthLoop
from .loops.few_shot_knn_loop import FewShotKNNLoop
from .loops.knn_loop import KNNLoop
from .loops.knn_segmentation_loop import KNNSegmentationLoop
from .loops.linear_fit_loop import LinearFitLoop
from .loops.loop import FrozenLoop
from .loops.object_attention_loop import ObjectAttentionLoop
from .loops.recall_loop import RecallLoop
from .loops.revisited_loop import RevisitedLoop
from .loops.ridge_loop import RidgeLoop
from .loops.robustness_loop import RobustnessLoop
from .loops.sweep_loop import SweepTrainLoop
from .sweep_accuracy import SweepAccuracy
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
