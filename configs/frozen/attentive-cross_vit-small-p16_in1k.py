# The plain attentive probe of ViT-S/16 on ImageNet-1k: one learned query attends to the patches by
# multi-head cross-attention (AIM; CAE and V-JEPA with projections='qkvo', but for their norms and
# MLP). Trained as efficient probing, so that the two compare.
_base_ = 'attentive-ep_vit-small-p16_in1k.py'

model = dict(
    pooling=dict(_delete_=True, type='CrossAttentionPooling', num_heads=6, projections='kv')
)
