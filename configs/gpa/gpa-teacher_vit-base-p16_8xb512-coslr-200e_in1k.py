# GPA as a teacher on MAE, ViT-B/16, 200 epochs (GPA, Tables 1, 2 and 10: 82.7 % after fine-tuning):
# from soft to hard masks of what a frozen MAE attends to. The ablations are options of it, in
# suites/gpa.
_base_ = [
    '../mae/mae_vit-base-p16_8xb512-coslr-200e_in1k.py',
    '../_base_/gpa_teacher.py',
]

model = dict(
    masker=dict(
        _delete_=True, type='SoftToHardMasker', ratio=0.75, soft=(0.5, 0.0), hard=(0.0, 0.5)
    ),
    scorer=_base_.gpa['scorer'],
)
default_hooks = dict(schedule=dict(schedules=dict(progress=_base_.gpa['progress'])))
