# AttMask, Table 6: Cascade Mask R-CNN on COCO, ViT-S/16, 1x, 8 GPUs x 2 images (iBOT 48.2 box AP,
# 41.8 mask AP; AttMask 48.8, 42.0). The appendix names AdamW 1e-4, weight decay 0.05, drops at
# epochs 9 and 11, shorter sides from 480 to 800; the rest is iBOT's: its detector, layer decay 0.75
# and drop path 0.1. iBOT's own runs take 4 images on each GPU, and its published config, for 36
# epochs, crops some images, too.
_base_ = ['../_base_/cascade-mask-rcnn_vit-fpn.py', '../_base_/coco_multi-scale_1x.py']
