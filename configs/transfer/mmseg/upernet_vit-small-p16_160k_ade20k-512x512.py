# UperNet on ADE20K, 160k iterations, 512 x 512, single scale, with AttMask's settings (its
# appendix): AdamW 7e-4, layer decay 0.65, weight decay 0.05, poly, batch 16 (here upstream's
# 4 GPUs x 4; the paper's 8 x 2). Warm-up and slide inference are iBOT's.
# iBOT's published ViT-S config has lr 3e-5 and layer decay 0.9 instead.
# Upstream's: SGD 0.01, poly of power 0.9 without a warm-up, whole images in tests.
_base_ = [
    '../_base_/upernet_vit.py',
    'mmseg::_base_/datasets/ade20k.py',
    'mmseg::_base_/schedules/schedule_160k.py',
    'mmseg::_base_/default_runtime.py',
]

model = dict(
    data_preprocessor=dict(size=_base_.crop_size),
    decode_head=dict(num_classes=150),
    auxiliary_head=dict(num_classes=150),
    test_cfg=dict(mode='slide', crop_size=_base_.crop_size, stride=(341, 341)),
)

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
