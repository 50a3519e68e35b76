from .masked_conv_mae import MaskedConvMAE
from .masked_swin_transformer import MaskedSwinTransformer
from .masked_vision_transformer import MaskedVisionTransformer

__all__ = ['MaskedConvMAE', 'MaskedSwinTransformer', 'MaskedVisionTransformer']
