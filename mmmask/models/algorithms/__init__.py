from .ema_teacher import EMATeacher
from .self_distillation import SelfDistillation

__all__ = ['EMATeacher', 'SelfDistillation']
