from .masked_vision_transformer import MaskedVisionTransformer

__all__ = ['MaskedVisionTransformer']
