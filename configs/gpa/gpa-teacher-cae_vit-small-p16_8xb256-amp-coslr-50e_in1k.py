# GPA as a teacher on CAE-S, 50 epochs (GPA, Table 10: k-NN 38.5 %). As many patches are masked as
# of CAE, 75 of 196: the paper doesn't say.
_base_ = [
    '../cae/cae_vit-small-p16_8xb256-amp-coslr-50e_in1k.py',
    '../_base_/gpa_teacher.py',
]

model = dict(
    type='GuidedCAE',
    backbone=dict(type='MaskedCAEViT'),
    masker=dict(type='SoftToHardMasker', ratio=0.385, soft=(0.5, 0.0), hard=(0.0, 0.5)),
    scorer=_base_.gpa['scorer'],
)
train_dataloader = dict(
    dataset=dict(
        pipeline=[step for step in _base_.train_pipeline if step['type'] != 'BEiTMaskGenerator']
    )
)
default_hooks = dict(
    schedule=dict(type='ScheduleHook', schedules=dict(progress=_base_.gpa['progress']))
)
