# Efficient probing of the demo's network on the embedded data.
_base_ = 'linear-mae_vit-demo_material-scenes.py'

model = dict(token='patches', pooling=dict(type='EfficientPooling', num_queries=8))
