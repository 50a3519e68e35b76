from .masked_cae_vit import MaskedCAEViT
from .masked_conv_mae import MaskedConvMAE
from .masked_swin_transformer import MaskedSwinTransformer
from .masked_vision_transformer import MaskedVisionTransformer
from .normed_maps_vision_transformer import NormedMapsVisionTransformer
from .plain_vision_transformer import PlainVisionTransformer
from .register_vision_transformer import RegisterVisionTransformer
from .windowed_vision_transformer import WindowedVisionTransformer

__all__ = [
    'MaskedCAEViT',
    'MaskedConvMAE',
    'MaskedSwinTransformer',
    'MaskedVisionTransformer',
    'NormedMapsVisionTransformer',
    'PlainVisionTransformer',
    'RegisterVisionTransformer',
    'WindowedVisionTransformer',
]
