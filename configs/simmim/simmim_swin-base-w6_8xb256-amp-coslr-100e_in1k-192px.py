# SimMIM, Swin-B, 100 epochs at 192 pixels (arXiv 2111.09886): mmpretrain's own algorithm
# and config on this project's data, checkpoints and launcher.
_base_ = [
    'mmpretrain::simmim/simmim_swin-base-w6_8xb256-amp-coslr-100e_in1k-192px.py',
    '../_base_/mmpretrain_parts.py',
]

train_dataloader = dict(
    collate_fn=_base_.collate_fn,
    dataset=dict(**_base_.image_folder, pipeline=_base_.train_pipeline),
)
default_hooks = dict(checkpoint=_base_.checkpoint_hook)
randomness = _base_.seeds
