# The plain attentive probe of the demo's network on the embedded data.
_base_ = 'attentive-ep_vit-demo_material-scenes.py'

model = dict(
    pooling=dict(_delete_=True, type='CrossAttentionPooling', num_heads=2, projections='kv')
)
