# GPA's fine-tuning of ConvMAE-S on ImageNet-1k (Table 10: 80.0 %, 82.4 % with GPA's masks): 100
# epochs as its ViT-B, lr = 5e-4 x 1024 / 256, layer decay 0.8. As ConvMAE's own (arXiv 2205.03892),
# the finer maps are not added, a new norm follows the mean of the patches, and position embeddings
# are trained.
_base_ = 'finetune-gpa_vit-base-p16_8xb128-coslr-100e_in1k.py'

model = dict(
    backbone=dict(
        _delete_=True,
        type='MaskedConvMAE',
        arch='small',
        fuse=False,
        drop_path_rate=0.1,
        out_type='avg_featmap',
        init_cfg=dict(
            type='Pretrained',
            checkpoint='SET-ME',
            source='auto',
            allow=dict(unexpected=['fusions.*']),
        ),
    ),
    head=dict(in_channels=384),
)
# There is no CLS token.
optim_wrapper = dict(
    paramwise_cfg=dict(custom_keys=dict(_delete_=True, pos_embed=dict(decay_mult=0.0)))
)
