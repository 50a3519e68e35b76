# iBOT, ViT-B/16, 100 epochs: the baseline of GPA on iBOT (GPA, Table 10: k-NN 47.3 %). The paper
# names nothing else. The gain of the last layer is fixed, as DINO's and iBOT's code advise for
# ViT-B; the rest is as for ViT-S/16.
# 47.3 % can't be of the whole of ImageNet-1k, with which a ViT-S/16 has 71.5 % (AttMask, Table 5).
# With the first 260 images of each class it has 46.7 % (Table 1). GPA names no part. To try these:
#     --cfg-options train_dataloader.dataset.max_per_class=260
_base_ = 'ibot_vit-small-p16_8xb30-coslr-100e_in1k.py'

model = dict(backbone=dict(arch='base'), neck=dict(in_channels=768, norm_last_layer=True))
