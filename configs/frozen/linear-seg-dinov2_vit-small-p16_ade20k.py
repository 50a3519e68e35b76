# DINOv2's linear segmentation, with ViT-S/16: patch tokens of the last four blocks, each behind
# the final norm, side by side; BatchNorm and one 1 x 1 convolution. AdamW 1e-3, weight decay 1e-4,
# 40k iterations, batch 16. size: where masks are compared, None = each image's own size.
_base_ = '../transfer/mmseg/linear_vit-small-p16_8xb2-160k_ade20k-512x512.py'

width = 384
model = dict(
    backbone=dict(out_indices=[8, 9, 10, 11]),
    decode_head=dict(
        _delete_=True,
        type='BatchNormLinearHead',
        in_channels=[width] * 4,
        in_index=[0, 1, 2, 3],
        num_classes=150,
    ),
)

optim_wrapper = dict(optimizer=dict(lr=1e-3, weight_decay=1e-4))
max_iters = 40000
train_cfg = dict(max_iters=max_iters, val_interval=max_iters // 4)
param_scheduler = [
    dict(type='LinearLR', start_factor=1e-6, by_epoch=False, begin=0, end=1500),
    dict(type='PolyLR', power=1.0, eta_min=0.0, by_epoch=False, begin=1500, end=max_iters),
]
val_evaluator = dict(type='SizedIoUMetric', size=None)
test_evaluator = val_evaluator
