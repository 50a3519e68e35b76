# MaskFeat with HOG targets, ViT-B/16, 300 epochs (arXiv 2112.09133): mmpretrain's own
# algorithm and config on this project's data, checkpoints and launcher.
_base_ = [
    'mmpretrain::maskfeat/maskfeat_vit-base-p16_8xb256-amp-coslr-300e_in1k.py',
    '../_base_/mmpretrain_parts.py',
]

train_dataloader = dict(
    collate_fn=_base_.collate_fn,
    dataset=dict(**_base_.image_folder, pipeline=_base_.train_pipeline),
)
default_hooks = dict(checkpoint=_base_.checkpoint_hook)
randomness = _base_.seeds
