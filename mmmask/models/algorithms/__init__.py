from .ema_teacher import EMATeacher
from .masked_autoencoder import MaskedAutoencoder
from .self_distillation import SelfDistillation

__all__ = ['EMATeacher', 'MaskedAutoencoder', 'SelfDistillation']
