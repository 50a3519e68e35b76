# MoCo v3, ViT-S/16, 300 epochs (arXiv 2104.02057): mmpretrain's own algorithm and config
# on this project's data, checkpoints and launcher. Its ViT-S has 12 heads.
_base_ = [
    'mmpretrain::mocov3/mocov3_vit-small-p16_16xb256-amp-coslr-300e_in1k.py',
    '../_base_/mmpretrain_parts.py',
]

# The middle step is upstream's two views, in a tenth of the time.
train_dataloader = dict(
    collate_fn=_base_.collate_fn,
    dataset=dict(
        **_base_.image_folder,
        pipeline=[
            _base_.train_pipeline[0],
            dict(type='MultiCrop', num_local=0, global_scale=(0.08, 1.0), interpolation='bilinear'),
            _base_.train_pipeline[2],
        ],
    ),
)
default_hooks = dict(checkpoint=_base_.checkpoint_hook)
randomness = _base_.seeds
