from .attention_tap import AttentionRecord, AttentionTap
from .swin_attention_tap import SwinAttentionRecord, SwinAttentionTap

__all__ = ['AttentionRecord', 'AttentionTap', 'SwinAttentionRecord', 'SwinAttentionTap']
