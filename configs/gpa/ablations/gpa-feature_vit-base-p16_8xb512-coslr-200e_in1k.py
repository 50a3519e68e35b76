# GPA as a feature alone: MAE's random masks, and a second decoder that predicts the teacher's
# scores. Not in the paper, whose Table 1 has the teacher alone and both.
_base_ = '../gpa_vit-base-p16_8xb512-coslr-200e_in1k.py'

model = dict(masker=dict(_delete_=True, type='RandomMasker', ratio=0.75))
default_hooks = dict(schedule=dict(schedules=dict(progress=None)))
