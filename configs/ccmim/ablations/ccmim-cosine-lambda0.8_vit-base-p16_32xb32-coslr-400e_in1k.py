# ccMIM with the cosine objective, lambda = 0.8 (ccMIM, Fig. 2).
_base_ = 'ccmim-cosine_vit-base-p16_32xb32-coslr-400e_in1k.py'

model = dict(contrast=dict(weight=0.8))
