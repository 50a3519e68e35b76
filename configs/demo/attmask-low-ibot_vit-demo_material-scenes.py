# AttMask-Low on iBOT at the demo's size, on the embedded data.
_base_ = 'attmask-high-ibot_vit-demo_material-scenes.py'

model = dict(masker=dict(type='LowAttentionMasker'))
