"""Data sets: the embedded material scenes, image folders, and the checks on users' own data."""

from mmmask.datasets.materials import MATERIALS, PALETTE
from mmmask.datasets.spec import MaterialScenesSpec

__all__ = ['MATERIALS', 'PALETTE', 'MaterialScenesSpec']
