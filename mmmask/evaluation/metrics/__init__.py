"""Measure plain arrays: each metric is one function in one file."""

from .attended import attended
from .attention_entropy import attention_entropy
from .attention_jaccard import attention_jaccard
from .background_gap import background_gap
from .boundary_f import boundary_f
from .cluster_agreement import cluster_agreement
from .corloc import box_found, largest_component_box
from .corruption_error import mean_corruption_error
from .coverage import coverage
from .effective_rank import effective_rank
from .mean_cosine import mean_cosine
from .point_hit import point_hit
from .ratio_outcomes import ratio_outcomes
from .recall_at_k import recall_at_k
from .region_jaccard import region_jaccard
from .revisited_map import revisited_map, revisited_precisions
from .top1 import right_images, top1

__all__ = [
    'attended',
    'attention_entropy',
    'attention_jaccard',
    'background_gap',
    'boundary_f',
    'box_found',
    'cluster_agreement',
    'coverage',
    'effective_rank',
    'largest_component_box',
    'mean_corruption_error',
    'mean_cosine',
    'point_hit',
    'ratio_outcomes',
    'recall_at_k',
    'region_jaccard',
    'revisited_map',
    'revisited_precisions',
    'right_images',
    'top1',
]
