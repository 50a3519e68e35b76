# iBOT on 10 % of ImageNet-1k: AttMask's Table 2, random block-wise.
_base_ = 'ibot_vit-small-p16_8xb30-coslr-100e_in1k-20pct.py'

train_dataloader = dict(dataset=dict(max_per_class=130))
