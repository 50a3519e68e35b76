# BYOL, ResNet-50, 200 epochs (arXiv 2006.07733): mmpretrain's own algorithm and config on this
# project's data, checkpoints and launcher. A network of maps: k-NN takes feature='gap'.
_base_ = [
    'mmpretrain::byol/byol_resnet50_16xb256-coslr-200e_in1k.py',
    '../_base_/mmpretrain_parts.py',
]

train_dataloader = dict(
    collate_fn=_base_.collate_fn,
    dataset=dict(**_base_.image_folder, pipeline=_base_.train_pipeline),
)
default_hooks = dict(checkpoint=_base_.checkpoint_hook)
randomness = _base_.seeds
