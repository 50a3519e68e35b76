from .attentive_pooling import CrossAttentionPooling, EfficientPooling
from .linear_probe import LinearProbe

__all__ = ['CrossAttentionPooling', 'EfficientPooling', 'LinearProbe']
