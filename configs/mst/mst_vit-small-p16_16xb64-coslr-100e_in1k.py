# MST, DeiT-S/16, 100 epochs (MST, Table 1: 75.0 by DINO's linear probe, 72.1 k-NN). The eighth of
# the patches that the teacher attends to least may be masked, each with probability 0.1 (Table 5).
# The student restores both global views, weight 0.6.
#
# Batch normalisation in the head takes its statistics "from different images in the same batch"
# (Appendix 3), and Algorithm 1 passes one view at a time: bn_statistics='view'. Running statistics
# see the global views only. bn_statistics='global' lets the global views of a batch share
# statistics, 'all' lets all views.
_base_ = 'dino_vit-small-p16_16xb64-coslr-100e_in1k.py'

model = dict(
    backbone=dict(with_mask_token=True),
    neck=dict(norm_cfg=dict(type='SyncBN')),
    masker=dict(type='ThresholdMasker', num=8, token_prob=0.1),
    scorer=dict(type='TeacherScorer', attention=dict(type='AttentionTap', blocks=(-1,))),
    restoration=dict(
        type='RestorationHead',
        decoder=dict(
            type='RestorationDecoder', in_channels=384, stride=16, norm_cfg=dict(type='SyncBN')
        ),
        weight=0.6,
        target='image',
    ),
    bn_statistics='view',
)
