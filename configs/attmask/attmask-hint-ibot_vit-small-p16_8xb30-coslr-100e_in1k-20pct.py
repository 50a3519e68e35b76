# AttMask-Hint on iBOT, 20 % of ImageNet-1k (AttMask, Table 1).
_base_ = 'attmask-high-ibot_vit-small-p16_8xb30-coslr-100e_in1k-20pct.py'

model = dict(masker=dict(type='HintAttentionMasker', show_max=0.1))
