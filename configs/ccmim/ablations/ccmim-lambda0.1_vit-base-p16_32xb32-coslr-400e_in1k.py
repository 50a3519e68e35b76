# ccMIM with InfoNCE, lambda = 0.1 (ccMIM, Fig. 2).
_base_ = '../ccmim_vit-base-p16_32xb32-coslr-400e_in1k.py'

model = dict(contrast=dict(weight=0.1))
