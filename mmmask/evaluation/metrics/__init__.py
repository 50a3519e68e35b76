"""Measure plain arrays: each metric is one function in one file."""

from .attended import attended
from .attention_entropy import attention_entropy
from .attention_jaccard import attention_jaccard
from .boundary_f import boundary_f
from .cluster_agreement import cluster_agreement
from .corloc import box_found, largest_component_box
from .coverage import coverage
from .effective_rank import effective_rank
from .mean_cosine import mean_cosine
from .point_hit import point_hit
from .region_jaccard import region_jaccard

__all__ = [
    'attended',
    'attention_entropy',
    'attention_jaccard',
    'boundary_f',
    'box_found',
    'cluster_agreement',
    'coverage',
    'effective_rank',
    'largest_component_box',
    'mean_cosine',
    'point_hit',
    'region_jaccard',
]
