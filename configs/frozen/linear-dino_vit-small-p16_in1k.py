# DINO's linear probe of ViT-S/16 on ImageNet-1k with the default rate of DINO's code, 0.001 per 256
# images (MST, Table 1: rows with a dagger): the CLS tokens of the last four blocks.
_base_ = 'linear_vit-small-p16_in1k.py'

model = dict(lrs=(0.001,))
