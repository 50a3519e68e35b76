# DAVIS 2017 with ViT-S/16: `mmmask test THIS CHECKPOINT`. Predicted masks are in the work dir.
_base_ = '../_base_/protocols/davis.py'

model = dict(
    backbone=dict(arch='deit-small', patch_size=16),
    data_preprocessor=dict(
        mean=[123.675, 116.28, 103.53],
        std=[58.14, 57.12, 57.375],  # red by 0.228 in DINO's code of this evaluation, not 0.229
        to_rgb=True,
    ),
)

test_dataloader = dict(
    batch_size=1,
    num_workers=0,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(type='DAVIS2017', data_root='data/DAVIS/', split='val'),
)
