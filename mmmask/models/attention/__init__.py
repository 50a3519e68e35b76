from .attention_tap import AttentionRecord, AttentionTap
from .received_attention_tap import (
    ReceivedAttentionRecord,
    ReceivedAttentionTap,
    received_attention,
)
from .scorers import FrozenScorer, OnlineScorer
from .swin_attention_tap import SwinAttentionRecord, SwinAttentionTap

__all__ = [
    'AttentionRecord',
    'AttentionTap',
    'FrozenScorer',
    'OnlineScorer',
    'ReceivedAttentionRecord',
    'ReceivedAttentionTap',
    'SwinAttentionRecord',
    'SwinAttentionTap',
    'received_attention',
]
