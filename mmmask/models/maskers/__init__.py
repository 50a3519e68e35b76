from .attention_masker import AttentionMasker
from .base import BaseMasker
from .block_masker import BlockMasker
from .random_masker import RandomMasker

__all__ = ['AttentionMasker', 'BaseMasker', 'BlockMasker', 'RandomMasker']
