# The embedded data in ADE20K's format (mmmask prepare-demo), for mmseg: inherit it
# beside a model and a runtime whose default_scope is 'mmseg'. For iteration-based training.
# Value 0 of a label map ("other") is ignored, as in ADE20K.
data_root = 'data/material_scenes/seg/'
metainfo = dict(
    classes=('brick', 'grass', 'gravel', 'petals', 'print', 'stars'),
    palette=[
        (178, 34, 34), (60, 160, 60), (128, 128, 128), (255, 140, 180), (240, 240, 240),
        (40, 20, 90),
    ],
)  # fmt: skip

train_dataloader = dict(
    batch_size=8,
    num_workers=0,
    persistent_workers=False,
    sampler=dict(type='InfiniteSampler', shuffle=True),
    dataset=dict(
        type='BaseSegDataset',
        data_root=data_root,
        data_prefix=dict(img_path='images/train', seg_map_path='annotations/train'),
        metainfo=metainfo,
        reduce_zero_label=True,
        pipeline=[
            dict(type='mmpretrain.LoadImageStrict'),
            dict(type='LoadAnnotations', reduce_zero_label=True),
            dict(type='RandomFlip', prob=0.5),
            dict(type='PackSegInputs'),
        ],
    ),
)

val_dataloader = dict(
    batch_size=1,
    num_workers=0,
    persistent_workers=False,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type='BaseSegDataset',
        data_root=data_root,
        data_prefix=dict(img_path='images/val', seg_map_path='annotations/val'),
        metainfo=metainfo,
        reduce_zero_label=True,
        test_mode=True,
        pipeline=[
            dict(type='mmpretrain.LoadImageStrict'),
            dict(type='LoadAnnotations', reduce_zero_label=True),
            dict(type='PackSegInputs'),
        ],
    ),
)
test_dataloader = val_dataloader

val_evaluator = dict(type='IoUMetric', iou_metrics=['mIoU'])
test_evaluator = val_evaluator
