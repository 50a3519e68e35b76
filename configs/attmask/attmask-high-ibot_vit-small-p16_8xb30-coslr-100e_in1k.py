# AttMask-High on iBOT, ViT-S/16: the teacher's last attention chooses what is masked, one ratio
# from U(0.1, 0.5) for the batch, each image with probability 0.5 (AttMask, Section 4.1).
_base_ = '../ibot/ibot_vit-small-p16_8xb30-coslr-100e_in1k.py'

model = dict(
    masker=dict(_delete_=True, type='HighAttentionMasker', ratio=(0.1, 0.5), prob=0.5),
    scorer=dict(type='TeacherScorer', attention=dict(type='AttentionTap', blocks=(-1,))),
)
