from .distillation import cls_distillation_loss, patch_distillation_loss, teacher_probabilities

__all__ = ['cls_distillation_loss', 'patch_distillation_loss', 'teacher_probabilities']
