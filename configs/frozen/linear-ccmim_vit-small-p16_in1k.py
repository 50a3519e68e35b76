# ccMIM's linear probe of ViT-S/16 on ImageNet-1k: "the average embedding of patches" (Section 4.1).
# The paper names no other value, so they are MAE's, whose settings it follows: also the norm, which
# MAE's code (--global_pool) puts behind the mean, without the pre-trained weights.
_base_ = 'linear-mae_vit-small-p16_in1k.py'

model = dict(token='gap_renormed')
