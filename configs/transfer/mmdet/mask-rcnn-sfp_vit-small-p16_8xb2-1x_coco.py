# Mask R-CNN on COCO with a plain ViT-S/16, the simplest detector here: no row of the papers'. The
# schedule is AttMask's (its appendix), the pyramid ViTDet's without its windows.
_base_ = ['../_base_/mask-rcnn_vit-sfp.py', '../_base_/coco_multi-scale_1x.py']
