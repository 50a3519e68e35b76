from .augmenting_data_preprocessor import AugmentingDataPreprocessor
from .image_corruption import ImageCorruption
from .multi_crop import MultiCrop
from .resized_crop import ResizedCrop
from .thumbnail import Thumbnail

__all__ = ['AugmentingDataPreprocessor', 'ImageCorruption', 'MultiCrop', 'ResizedCrop', 'Thumbnail']
