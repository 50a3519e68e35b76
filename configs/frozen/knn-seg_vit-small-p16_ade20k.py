# In-context segmentation of ADE20K with ViT-S/16 at 512 x 512. The bank of 10,240,000 patches takes
# 22 GB: test_cfg.memory_size=1024000 needs a tenth.
_base_ = ['../_base_/protocols/knn_segmentation.py', 'mmseg::_base_/datasets/ade20k.py']

model = dict(
    backbone=dict(arch='deit-small', patch_size=16),
    data_preprocessor=dict(
        mean=[123.675, 116.28, 103.53],
        std=[58.395, 57.12, 57.375],
        to_rgb=True,
    ),
)

image_size = (512, 512)
read = [
    dict(type='mmpretrain.LoadImageStrict'),
    dict(type='Resize', scale=image_size, keep_ratio=False),
    dict(type='LoadAnnotations', reduce_zero_label=True),  # at its own size
    dict(type='PackSegInputs'),
]
loader = dict(
    batch_size=8,
    num_workers=8,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(test_mode=True, pipeline=read),
)
train_dataloader = None
val_dataloader = None
val_evaluator = None
test_evaluator = []  # the loop measures itself
test_dataloader = loader
test_cfg = dict(
    bank_dataloader=dict(
        batch_size=8,
        num_workers=8,
        sampler=dict(type='DefaultSampler', shuffle=False),
        dataset=dict(
            type='ADE20KDataset',
            data_root='data/ade/ADEChallengeData2016',
            data_prefix=dict(img_path='images/training', seg_map_path='annotations/training'),
            test_mode=True,
            pipeline=[
                dict(type='mmpretrain.LoadImageStrict'),
                dict(type='LoadAnnotations', reduce_zero_label=True),
                dict(type='Resize', scale=image_size, keep_ratio=False),
                dict(type='PackSegInputs'),
            ],
        ),
    )
)
