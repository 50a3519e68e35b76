from .dino_projection import DINOProjection
from .simple_feature_pyramid import BlockFeaturePyramid, SimpleFeaturePyramid

__all__ = ['BlockFeaturePyramid', 'DINOProjection', 'SimpleFeaturePyramid']
