# AttMask-High on DINO, 20 % of ImageNet-1k: the student's global views are masked, and only CLS
# tokens are compared (AttMask, Table 3).
_base_ = '../dino/dino_vit-small-p16_8xb30-coslr-100e_in1k-20pct.py'

model = dict(
    backbone=dict(with_mask_token=True),
    masker=dict(type='HighAttentionMasker', ratio=(0.1, 0.5), prob=0.5),
    scorer=dict(type='TeacherScorer', attention=dict(type='AttentionTap', blocks=(-1,))),
)
