from .multi_crop import MultiCrop
from .resized_crop import ResizedCrop

__all__ = ['MultiCrop', 'ResizedCrop']
