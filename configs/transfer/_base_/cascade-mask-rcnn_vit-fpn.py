# Cascade Mask R-CNN as in iBOT's detector, which resizes position embeddings as DINO's code.
# Upstream's box heads: two linear layers, class-agnostic, a smooth L1 loss of the encoded boxes.
_base_ = ['mmdet::_base_/models/cascade-mask-rcnn_r50_fpn.py', './vit_fpn.py']

model = dict(
    backbone=dict(
        _delete_=True,
        **{**_base_.vit, 'type': 'mmpretrain.PlainVisionTransformer', 'pos_embed_resize': 'dino'},
    ),
    neck=_base_.vit_neck,
    roi_head=dict(
        bbox_head=[{**head, **_base_.four_conv_one_fc} for head in _base_.model.roi_head.bbox_head]
    ),
)
