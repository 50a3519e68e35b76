# ccMIM with dividing by importance alone: the most attended patches are masked, 100 epochs (ccMIM,
# Table 5).
_base_ = '../ccmim_vit-base-p16_32xb32-coslr-100e_in1k.py'

model = dict(masker=dict(_delete_=True, type='HighAttentionMasker', ratio=0.75, prob=1.0))
