# ccMIM with the cosine objective, Eq. 8, instead of InfoNCE, lambda = 0.2 (ccMIM, Fig. 2).
_base_ = '../ccmim_vit-base-p16_32xb32-coslr-400e_in1k.py'

model = dict(contrast=dict(objective='cosine'))
