# AttMask-Hint on iBOT at the demo's size. Of its 16 tokens the paper's s_max of 0.1 would reveal
# none, so half of them are candidates.
_base_ = 'attmask-high-ibot_vit-demo_material-scenes.py'

model = dict(masker=dict(type='HintAttentionMasker', show_max=0.5))
