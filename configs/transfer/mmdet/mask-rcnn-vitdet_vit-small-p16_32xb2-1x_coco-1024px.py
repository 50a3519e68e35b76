# ViTDet's Mask R-CNN on COCO with a ViT-S/16, for 12 epochs at 1024 x 1024 as GPA has. No row of a
# paper's. The rest is ViTDet's for ViT-B: images scaled by 0.1 to 2 and cropped, batch 64, AdamW
# 1e-4, weight decay 0.1 (none of position embeddings), layer decay 0.7, drop path 0.1, 250
# iterations of warm-up.
# Upstream's large-scale jitter: 100 epochs as 25 x 4 repetitions, SGD 0.1, tests at 1333 x 800. A
# 1x schedule drops at epochs 8 and 11.
_base_ = '../_base_/mask-rcnn_vitdet.py'

max_epochs = 12
train_cfg = dict(max_epochs=max_epochs, val_interval=1)
train_dataloader = dict(dataset=dict(times=1))

optim_wrapper = dict(
    constructor='mmpretrain.LayerDecayOptimWrapperConstructor',
    optimizer=dict(_delete_=True, type='AdamW', lr=1e-4, betas=(0.9, 0.999), weight_decay=0.1),
    paramwise_cfg=dict(layer_decay_rate=0.7, custom_keys={'pos_embed': dict(decay_mult=0.0)}),
)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.001, by_epoch=False, begin=0, end=250),
    dict(type='MultiStepLR', by_epoch=True, begin=0, end=max_epochs, milestones=[8, 11], gamma=0.1),
]
