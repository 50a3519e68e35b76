# BYOL, ResNet-50, 200 epochs (arXiv 2006.07733): mmpretrain's own algorithm and config on this
# project's data, checkpoints and launcher. A network of maps: k-NN takes feature='gap'.
_base_ = [
    'mmpretrain::byol/byol_resnet50_16xb256-coslr-200e_in1k.py',
    '../_base_/mmpretrain_parts.py',
]

# The middle step is upstream's two views, in a tenth of the time.
train_dataloader = dict(
    collate_fn=_base_.collate_fn,
    dataset=dict(
        **_base_.image_folder,
        pipeline=[
            _base_.train_pipeline[0],
            dict(type='MultiCrop', num_local=0, global_scale=(0.08, 1.0)),
            _base_.train_pipeline[2],
        ],
    ),
)
default_hooks = dict(checkpoint=_base_.checkpoint_hook)
randomness = _base_.seeds
