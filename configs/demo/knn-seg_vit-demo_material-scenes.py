# In-context segmentation of the material scenes by the demo's network: all patches of the training
# scenes are the bank.
_base_ = [
    '../_base_/protocols/knn_segmentation.py',
    '../_base_/models/vit_demo.py',
    '../_base_/datasets/material_scenes_seg.py',
]

model = dict(
    backbone=dict(**_base_.demo_backbone),
    data_preprocessor=dict(
        mean=[123.675, 116.28, 103.53],
        std=[58.395, 57.12, 57.375],
        to_rgb=True,
    ),
)

loader = dict(**_base_.val_dataloader)
test_dataloader = dict(batch_size=16)
test_cfg = dict(
    bank_dataloader={
        **loader,
        'batch_size': 16,
        'dataset': {
            **loader['dataset'],
            'data_prefix': dict(img_path='images/train', seg_map_path='annotations/train'),
        },
    },
    memory_size=None,
)
train_dataloader = None
val_dataloader = None
val_evaluator = None
test_evaluator = []  # the loop measures itself
