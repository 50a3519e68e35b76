from .masked_swin_transformer import MaskedSwinTransformer
from .masked_vision_transformer import MaskedVisionTransformer

__all__ = ['MaskedSwinTransformer', 'MaskedVisionTransformer']
