from .alignment import negative_cosine, visible_masked_nce
from .distillation import cls_distillation_loss, patch_distillation_loss, teacher_probabilities
from .masked_attention import masked_attention_loss
from .restoration import restoration_loss

__all__ = [
    'cls_distillation_loss',
    'masked_attention_loss',
    'negative_cosine',
    'patch_distillation_loss',
    'restoration_loss',
    'teacher_probabilities',
    'visible_masked_nce',
]
