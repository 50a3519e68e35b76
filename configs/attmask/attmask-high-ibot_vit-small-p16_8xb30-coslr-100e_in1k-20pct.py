# AttMask-High on iBOT, 20 % of ImageNet-1k (AttMask, Table 1); the parent of the ablations.
_base_ = '../ibot/ibot_vit-small-p16_8xb30-coslr-100e_in1k-20pct.py'

model = dict(
    masker=dict(_delete_=True, type='HighAttentionMasker', ratio=(0.1, 0.5), prob=0.5),
    scorer=dict(type='TeacherScorer', attention=dict(type='AttentionTap', blocks=(-1,))),
)
