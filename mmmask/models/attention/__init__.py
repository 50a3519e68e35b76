from .attention_tap import AttentionRecord, AttentionTap

__all__ = ['AttentionRecord', 'AttentionTap']
