"""What torchvision makes of an image, for comparison."""

import numpy as np
from PIL import Image
from torchvision.transforms import InterpolationMode, functional


def resized_crop(image, box, size, mode):
    """Cut ``(left, top, right, bottom)`` out of an array and resize it to (height, width)."""
    left, top, right, bottom = box
    place = (top, left, bottom - top, right - left)
    picture = Image.fromarray(image)
    return np.asarray(functional.resized_crop(picture, *place, size, InterpolationMode(mode)))
