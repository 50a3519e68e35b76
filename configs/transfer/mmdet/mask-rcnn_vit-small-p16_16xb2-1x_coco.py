# ccMIM, Table 2: Mask R-CNN on COCO, ViT-S/16, 1x, in CAE's set-up (CAE 44.1 box AP, 39.2 mask AP;
# ccMIM 44.3, 39.5): batch 32 (CAE's 16 GPUs x 2), learning rate 3e-4, layer decay 0.75, drop path
# 0.1, shorter sides from 480 to 800, drops at epochs 9 and 11. The heads and weight decay 0.05,
# which the text doesn't name, are those of CAE's published file for ViT-B. That also crops every
# second image, of which ccMIM says nothing: left out.
_base_ = ['../_base_/mask-rcnn_vit-fpn.py', '../_base_/coco_multi-scale_1x.py']

optim_wrapper = dict(optimizer=dict(lr=3e-4))
auto_scale_lr = dict(base_batch_size=32)
