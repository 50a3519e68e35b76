from .attention_masker import AttentionMasker
from .base import BaseMasker
from .block_masker import BlockMasker
from .importance_masker import ImportanceMasker
from .random_masker import RandomMasker
from .soft_to_hard_masker import SoftToHardMasker

__all__ = [
    'AttentionMasker',
    'BaseMasker',
    'BlockMasker',
    'ImportanceMasker',
    'RandomMasker',
    'SoftToHardMasker',
]
