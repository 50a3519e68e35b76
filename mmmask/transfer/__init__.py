"""Checkpoints that arrive whole. Importing this package replaces mmengine's ``Pretrained``
initialiser."""

import mmmask.compat
from mmmask.config.checkpoints import PLACEHOLDER
from mmmask.transfer.checkpoint import Checkpoint, read_checkpoint
from mmmask.utils.files import sha256_of_file

from .exceptions import Allowed
from .formats import select_backbone
from .loading import load_strictly
from .pretrained import Pretrained
from .testing import load_for_test, load_full
from .verify import Comparison, compare_with_source, feature_difference

__all__ = [
    'PLACEHOLDER',
    'Allowed',
    'Checkpoint',
    'Comparison',
    'Pretrained',
    'compare_with_source',
    'feature_difference',
    'load_for_test',
    'load_full',
    'load_strictly',
    'read_checkpoint',
    'select_backbone',
    'sha256_of_file',
]
