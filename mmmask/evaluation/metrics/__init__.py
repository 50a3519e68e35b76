"""Measure plain arrays: each metric is one function in one file."""

from .boundary_f import boundary_f
from .region_jaccard import region_jaccard

__all__ = [
    'boundary_f',
    'region_jaccard',
]
