# What a config that inherits one of mmpretrain's own takes from this project, besides its
# difference. Two bases can't share a key, so these are taken by their names:
#     _base_ = ['mmpretrain::simmim/<file>.py', '../_base_/mmpretrain_parts.py']
#     train_dataloader = dict(
#         collate_fn=_base_.collate_fn,
#         dataset=dict(**_base_.image_folder, pipeline=_base_.train_pipeline),
#     )
#     default_hooks = dict(checkpoint=_base_.checkpoint_hook)
#     randomness = _base_.seeds
custom_imports = dict(imports=['mmmask.registration'], allow_failed_imports=False)

image_folder = dict(
    _delete_=True,
    type='StrictImageFolder',
    data_root='data/imagenet/',
    data_prefix='train',
    with_label=False,
)
# Inherited, it names its registry, which mmengine would hand on to the function.
collate_fn = dict(_delete_=True, type='default_collate')
checkpoint_hook = dict(_delete_=True, type='ResumableCheckpointHook', interval=1, max_keep_ckpts=2)
# Ranks draw different masks and augmentations.
seeds = dict(_delete_=True, seed=0, diff_rank_seed=True)
