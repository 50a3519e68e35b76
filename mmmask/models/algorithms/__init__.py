from .ema_teacher import EMATeacher
from .guided_cae import GuidedCAE
from .masked_autoencoder import MaskedAutoencoder
from .self_distillation import SelfDistillation

__all__ = ['EMATeacher', 'GuidedCAE', 'MaskedAutoencoder', 'SelfDistillation']
