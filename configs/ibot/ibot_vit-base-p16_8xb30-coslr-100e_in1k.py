# iBOT, ViT-B/16, 100 epochs: the baseline of GPA on iBOT (GPA, Table 10). The paper names nothing
# else; the rest is as for ViT-S/16.
_base_ = 'ibot_vit-small-p16_8xb30-coslr-100e_in1k.py'

model = dict(backbone=dict(arch='base'), neck=dict(in_channels=768))
