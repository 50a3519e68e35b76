# AttMask-Hint on DINO, 20 % of ImageNet-1k (AttMask, Table 3).
_base_ = 'attmask-high-dino_vit-small-p16_8xb30-coslr-100e_in1k-20pct.py'

model = dict(masker=dict(type='HintAttentionMasker', show_max=0.1))
