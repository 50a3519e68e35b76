# SimMIM at the demo's size, on the embedded data: two stages of windows of 4 x 4, as many tokens of
# the same width as the other demos' ViT. k-NN takes the mean of the last map.
_base_ = [
    '../simmim/simmim_swin-base-w6_8xb256-amp-coslr-100e_in1k-192px.py',
    '../_base_/mmpretrain_demo.py',
    '../_base_/datasets/material_scenes_knn.py',
]

model = dict(
    backbone=dict(
        arch=dict(_delete_=True, embed_dims=32, depths=[1, 2], num_heads=[1, 2]),
        img_size=32,
        out_indices=(1,),
        stage_cfgs=dict(block_cfgs=dict(window_size=4)),
    ),
    neck=dict(in_channels=64, encoder_stride=8),
)

train_dataloader = dict(
    **_base_.demo_loader,
    dataset=dict(
        **_base_.demo_images,
        pipeline=[
            dict(type='LoadImageFromFile'),
            _base_.demo_crop,
            dict(type='RandomFlip', prob=0.5),
            dict(
                type='SimMIMMaskGenerator',
                input_size=32,
                mask_patch_size=8,
                model_patch_size=4,
                mask_ratio=0.6,
            ),
            dict(type='PackInputs'),
        ],
    ),
)

optim_wrapper = dict(type='OptimWrapper', optimizer=dict(lr=1.5e-3))
param_scheduler = _base_.demo_schedulers
auto_scale_lr = dict(base_batch_size=64)
train_cfg = dict(max_epochs=_base_.demo_epochs)

default_hooks = dict(
    logger=dict(interval=10),
    knn={**_base_.demo_knn, 'source': 'student', 'feature': 'gap'},
)
