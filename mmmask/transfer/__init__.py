"""Loads checkpoints whole. Importing it replaces mmengine's ``Pretrained`` initialiser."""

import mmmask.compat

from .checkpoint import Checkpoint, read_checkpoint
from .formats import select_backbone
from .initialiser import Pretrained
from .loading import load_for_test, load_full, load_strictly
from .mismatch import Allowed
from .verify import Comparison, compare_with_source

__all__ = [
    'Allowed',
    'Checkpoint',
    'Comparison',
    'Pretrained',
    'compare_with_source',
    'load_for_test',
    'load_full',
    'load_strictly',
    'read_checkpoint',
    'select_backbone',
]
