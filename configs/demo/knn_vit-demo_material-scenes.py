# k-NN of the demo's network on the embedded data, in seconds.
_base_ = [
    '../_base_/protocols/knn.py',
    '../_base_/models/vit_demo.py',
    '../_base_/datasets/material_scenes_cls.py',
]

model = dict(
    backbone=dict(**_base_.demo_backbone),
    data_preprocessor=dict(
        mean=[123.675, 116.28, 103.53],
        std=[58.395, 57.12, 57.375],
        to_rgb=True,
    ),
)

# The training images, seen as the validation images are.
test_cfg = dict(
    bank_dataloader={
        **_base_.val_dataloader,
        'dataset': {**_base_.val_dataloader.dataset, 'data_prefix': 'train'},
    }
)
train_dataloader = None
val_dataloader = None
