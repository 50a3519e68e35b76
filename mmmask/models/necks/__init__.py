from .dino_projection import DINOProjection
from .restoration_decoder import RestorationDecoder
from .simple_feature_pyramid import BlockFeaturePyramid, SimpleFeaturePyramid

__all__ = ['BlockFeaturePyramid', 'DINOProjection', 'RestorationDecoder', 'SimpleFeaturePyramid']
