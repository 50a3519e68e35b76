from .attention_prediction_head import AttentionPredictionHead
from .center import Center
from .contrastive_alignment_head import ContrastiveAlignmentHead
from .restoration_head import RestorationHead
from .self_distillation_head import SelfDistillationHead

__all__ = [
    'AttentionPredictionHead',
    'Center',
    'ContrastiveAlignmentHead',
    'RestorationHead',
    'SelfDistillationHead',
]
