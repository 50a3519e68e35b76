# ViTDet's Mask R-CNN (arXiv 2203.16527), ViT-S/16: windows of 14 x 14 patches but in every third
# block, the simple feature pyramid, layer norms in the heads, four convolutions and one linear
# layer in the box head, two convolutions in the RPN. Images are fitted into 1024 x 1024.
# Relative positions are those of its published files (detectron2, projects/ViTDet). No pre-training
# has them: they begin with zeros.
_base_ = ['./mask-rcnn_vit-sfp.py', 'mmdet::common/lsj-100e_coco-instance.py']

head_norm = dict(type='mmpretrain.LN2d', eps=1e-6)
model = dict(
    data_preprocessor=dict(pad_size_divisor=_base_.image_size[0]),  # to the square, also in tests
    backbone=dict(
        type='mmpretrain.WindowedVisionTransformer',
        window_size=14,
        relative_positions='decomposed',
        init_cfg=dict(allow=dict(missing=['*relative_positions.*'])),
    ),
    rpn_head=dict(num_convs=2),
    roi_head=dict(
        bbox_head=dict(type='Shared4Conv1FCBBoxHead', norm_cfg=head_norm),
        mask_head=dict(norm_cfg=head_norm),
    ),
)

test_pipeline = _base_.test_pipeline
test_pipeline[1].scale = _base_.image_size
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = val_dataloader
