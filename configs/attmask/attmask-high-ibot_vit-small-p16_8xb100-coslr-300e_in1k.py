# AttMask-High on iBOT, 300 epochs (AttMask, Table A13).
_base_ = '../ibot/ibot_vit-small-p16_8xb100-coslr-300e_in1k.py'

model = dict(
    masker=dict(_delete_=True, type='HighAttentionMasker', ratio=(0.1, 0.5), prob=0.5),
    scorer=dict(type='TeacherScorer', attention=dict(type='AttentionTap', blocks=(-1,))),
)
