# What every pre-training and frozen-evaluation config has in common.
default_scope = 'mmpretrain'
custom_imports = dict(imports=['mmmask.registration'], allow_failed_imports=False)

default_hooks = dict(
    timer=dict(type='IterTimerHook'),
    logger=dict(type='LoggerHook', interval=50),
    param_scheduler=dict(type='ParamSchedulerHook'),
    checkpoint=dict(type='ResumableCheckpointHook', interval=1, max_keep_ckpts=2),
    sampler_seed=dict(type='DistSamplerSeedHook'),
    # The launcher gives it to every training; here for upstream's own tools.
    invalid_loss=dict(type='StopOnInvalidLossHook'),
)

env_cfg = dict(
    cudnn_benchmark=False,
    mp_cfg=dict(mp_start_method='fork', opencv_num_threads=0),
    dist_cfg=dict(backend='nccl'),
)
visualizer = dict(type='UniversalVisualizer', vis_backends=[dict(type='LocalVisBackend')])
log_level = 'INFO'

# Ranks draw different masks and augmentations.
randomness = dict(seed=0, diff_rank_seed=True)
load_from = None
resume = False
