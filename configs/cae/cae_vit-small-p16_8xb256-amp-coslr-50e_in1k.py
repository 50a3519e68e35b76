# CAE, ViT-S/16, 50 epochs (arXiv 2202.03026): the baseline of GPA (GPA, Table 10: k-NN 37.4 %).
# mmpretrain's own algorithm, whose config is of ViT-B and 300 epochs, on this project's data. As in
# CAE's code, CAE-S has 12 heads, and the regressor and the decoder are as wide as CAE-B's. The
# tokenizer is DALL-E's, a download. RandomProjectionTokenizer does without, see CAE's demo.
_base_ = [
    'mmpretrain::cae/cae_beit-base-p16_8xb256-amp-coslr-300e_in1k.py',
    '../_base_/mmpretrain_parts.py',
]

max_epochs = 50
model = dict(
    type='WideCAE',
    backbone=dict(
        arch=dict(
            _delete_=True, embed_dims=384, num_layers=12, num_heads=12, feedforward_channels=1536
        )
    ),
    neck=dict(embed_dims=768, num_heads=12),
)

train_dataloader = dict(
    collate_fn=_base_.collate_fn,
    dataset=dict(**_base_.image_folder, pipeline=_base_.train_pipeline),
)
param_scheduler = [
    dict(type='LinearLR', start_factor=1e-4, end=10, convert_to_iter_based=True),
    dict(
        type='CosineAnnealingLR',
        eta_min=1e-5,
        begin=10,
        end=max_epochs,
        convert_to_iter_based=True,
    ),
]
train_cfg = dict(max_epochs=max_epochs)
default_hooks = dict(checkpoint=_base_.checkpoint_hook)
