from .augmenting_data_preprocessor import AugmentingDataPreprocessor
from .multi_crop import MultiCrop
from .resized_crop import ResizedCrop
from .thumbnail import Thumbnail

__all__ = ['AugmentingDataPreprocessor', 'MultiCrop', 'ResizedCrop', 'Thumbnail']
