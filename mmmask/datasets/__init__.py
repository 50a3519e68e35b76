"""Data sets: the embedded material scenes, image folders, and the checks on users' own data."""

from mmmask.datasets.cifar import LocalCIFAR10, LocalCIFAR100
from mmmask.datasets.image_folder import StrictImageFolder
from mmmask.datasets.inaturalist import INaturalist
from mmmask.datasets.load_image import BrokenImageError, LoadImageStrict
from mmmask.datasets.materials import MATERIALS, PALETTE
from mmmask.datasets.spec import MaterialScenesSpec
from mmmask.datasets.transforms import MultiCrop

__all__ = [
    'MATERIALS',
    'PALETTE',
    'BrokenImageError',
    'INaturalist',
    'LoadImageStrict',
    'LocalCIFAR10',
    'LocalCIFAR100',
    'MaterialScenesSpec',
    'MultiCrop',
    'StrictImageFolder',
]
