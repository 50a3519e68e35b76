from .ema_teacher import EMATeacher
from .guided_cae import GuidedCAE
from .masked_autoencoder import MaskedAutoencoder
from .self_distillation import SelfDistillation
from .wide_cae import WideCAE

__all__ = ['EMATeacher', 'GuidedCAE', 'MaskedAutoencoder', 'SelfDistillation', 'WideCAE']
