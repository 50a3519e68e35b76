from .attention_tap import AttentionTap
from .received_attention_tap import ReceivedAttentionTap, received_attention
from .scorers import FrozenScorer, OnlineScorer, TeacherScorer, check_scorer
from .swin_attention_tap import SwinAttentionRecord, SwinAttentionTap
from .vit_tap import AttentionRecord, ViTTap

__all__ = [
    'AttentionRecord',
    'AttentionTap',
    'FrozenScorer',
    'OnlineScorer',
    'ReceivedAttentionTap',
    'SwinAttentionRecord',
    'SwinAttentionTap',
    'TeacherScorer',
    'ViTTap',
    'check_scorer',
    'received_attention',
]
