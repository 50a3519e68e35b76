from .base import BaseMasker
from .block_masker import BlockMasker
from .high_attention_masker import HighAttentionMasker
from .hint_attention_masker import HintAttentionMasker
from .importance_masker import ImportanceMasker, ProportionalMasker
from .low_attention_masker import LowAttentionMasker
from .random_masker import BernoulliMasker, RandomMasker
from .soft_to_hard_masker import SoftToHardMasker
from .threshold_masker import ThresholdMasker

__all__ = [
    'BaseMasker',
    'BernoulliMasker',
    'BlockMasker',
    'HighAttentionMasker',
    'HintAttentionMasker',
    'ImportanceMasker',
    'LowAttentionMasker',
    'ProportionalMasker',
    'RandomMasker',
    'SoftToHardMasker',
    'ThresholdMasker',
]
