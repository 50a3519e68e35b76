from .alignment import negative_cosine, visible_masked_nce
from .distillation import cls_distillation_loss, patch_distillation_loss, teacher_probabilities

__all__ = [
    'cls_distillation_loss',
    'negative_cosine',
    'patch_distillation_loss',
    'teacher_probabilities',
    'visible_masked_nce',
]
