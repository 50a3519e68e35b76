# AttMask-High on iBOT at the demo's size, on the embedded data.
_base_ = 'ibot_vit-demo_material-scenes.py'

model = dict(
    masker=dict(_delete_=True, type='HighAttentionMasker', ratio=(0.1, 0.5), prob=0.5),
    scorer=dict(type='TeacherScorer', attention=dict(type='AttentionTap', blocks=(-1,))),
)
