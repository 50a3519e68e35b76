# AttMask-High on DINO at the demo's size, on the embedded data.
_base_ = 'dino_vit-demo_material-scenes.py'

model = dict(
    backbone=dict(with_mask_token=True),
    masker=dict(type='HighAttentionMasker', ratio=(0.1, 0.5), prob=0.5),
    scorer=dict(type='TeacherScorer', attention=dict(type='AttentionTap', blocks=(-1,))),
)
