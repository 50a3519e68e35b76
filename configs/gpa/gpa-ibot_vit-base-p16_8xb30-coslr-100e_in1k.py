# GPA as a teacher on iBOT, ViT-B/16, 100 epochs (GPA, Table 10: k-NN 48.4 %, which can't be of the
# whole of ImageNet-1k: see iBOT's config). The paper doesn't say how many patches are masked: as
# many as iBOT masks, so that the two differ in which they are.
_base_ = [
    '../ibot/ibot_vit-base-p16_8xb30-coslr-100e_in1k.py',
    '../_base_/gpa_teacher.py',
]

model = dict(
    masker=dict(
        _delete_=True,
        type='SoftToHardMasker',
        ratio=(0.1, 0.5),
        soft=(0.5, 0.0),
        hard=(0.0, 0.5),
        per='image',
        prob=0.5,
    ),
    scorer=_base_.gpa['scorer'],
)
default_hooks = dict(schedule=dict(schedules=dict(progress=_base_.gpa['progress'])))
