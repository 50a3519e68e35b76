# MST at the demo's size, on the embedded data. There are 16 patches only: half of a quarter of them
# is masked, where the paper masks a tenth of an eighth.
_base_ = 'dino_vit-demo_material-scenes.py'

model = dict(
    backbone=dict(with_mask_token=True),
    neck=dict(norm_cfg=dict(type='SyncBN')),
    masker=dict(type='ThresholdMasker', num=4, token_prob=0.5),
    scorer=dict(type='TeacherScorer', attention=dict(type='AttentionTap', blocks=(-1,))),
    restoration=dict(
        type='RestorationHead',
        decoder=dict(
            type='RestorationDecoder',
            in_channels=64,
            stride=8,
            channels=(64, 32, 16),
            norm_cfg=dict(type='SyncBN'),
        ),
        weight=0.6,
    ),
)
