# MoCo v3, ViT-S/16, 300 epochs (arXiv 2104.02057): mmpretrain's own algorithm and config
# on this project's data, checkpoints and launcher. Its ViT-S has 12 heads.
_base_ = [
    'mmpretrain::mocov3/mocov3_vit-small-p16_16xb256-amp-coslr-300e_in1k.py',
    '../_base_/mmpretrain_parts.py',
]

train_dataloader = dict(
    collate_fn=_base_.collate_fn,
    dataset=dict(**_base_.image_folder, pipeline=_base_.train_pipeline),
)
default_hooks = dict(checkpoint=_base_.checkpoint_hook)
randomness = _base_.seeds
