# AttMask-Hint on iBOT: a few of the most attended tokens stay visible (AttMask, Table 5).
_base_ = 'attmask-high-ibot_vit-small-p16_8xb30-coslr-100e_in1k.py'

model = dict(masker=dict(type='HintAttentionMasker', show_max=0.1))
