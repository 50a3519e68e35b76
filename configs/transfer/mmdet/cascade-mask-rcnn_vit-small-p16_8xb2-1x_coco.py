# AttMask, Table 6: Cascade Mask R-CNN on COCO, ViT-S/16, 1x, 8 GPUs x 2 images (iBOT 48.2 box AP,
# 41.8 mask AP; AttMask 48.8, 42.0). The appendix names AdamW 1e-4, weight decay 0.05, drops at
# epochs 9 and 11, shorter sides from 480 to 800; the rest is iBOT's published file for ViT-S: its
# detector, layer decay 0.75 and drop path 0.1. That file, for 36 epochs, crops some images, too;
# iBOT's command for 12 epochs has 4 images on each GPU, layer decay 0.8 and drops at 8 and 11.
_base_ = ['../_base_/cascade-mask-rcnn_vit-fpn.py', '../_base_/coco_multi-scale_1x.py']
