# ADE20K at 512 x 512, 160k iterations of AdamW with layer decay, as BEiT's and iBOT's dense
# transfer, which the papers follow: linear warm-up of 1500 iterations, then down to 0 in a
# straight line. Upstream's: SGD 0.01, poly of power 0.9 without a warm-up.
_base_ = [
    'mmseg::_base_/datasets/ade20k.py',
    'mmseg::_base_/schedules/schedule_160k.py',
    'mmseg::_base_/default_runtime.py',
]

optim_wrapper = dict(
    _delete_=True,
    type='OptimWrapper',
    constructor='mmpretrain.LayerDecayOptimWrapperConstructor',
    optimizer=dict(type='AdamW', lr=7e-4, betas=(0.9, 0.999), weight_decay=0.05),
    paramwise_cfg=dict(layer_decay_rate=0.65),
)
param_scheduler = [
    dict(type='LinearLR', start_factor=1e-6, by_epoch=False, begin=0, end=1500),
    dict(type='PolyLR', power=1.0, eta_min=0.0, by_epoch=False, begin=1500, end=160000),
]
auto_scale_lr = dict(base_batch_size=16)
