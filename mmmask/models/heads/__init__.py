from .center import Center
from .self_distillation_head import SelfDistillationHead

__all__ = ['Center', 'SelfDistillationHead']
