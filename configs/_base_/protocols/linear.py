# DINO's linear evaluation with AttMask's values (Appendix B): CLS of the last 4 blocks (ViT-S), SGD
# with momentum 0.9, no weight decay, cosine to 0 over 100 epochs, batch 1024, learning rate 0.003.
#
# How the learning rate is read: AttMask evaluates as DINO, whose code multiplies the rate that it
# gets by batch / 256, so 0.003 becomes 0.012 at a batch of 1024. auto_scale_lr does that for any
# batch and number of GPUs; auto_scale_lr.enable=False takes 0.003 as it is.
#
# A sweep: model.lrs="[0.001,0.003,0.01]" trains one layer for each rate on the same frozen features
# (model.weight_decays and model.features likewise). linear/top1 is then the accuracy of the one
# that is best on a held-out tenth of the training images; train_cfg.select='val': on the validation
# set, as iBOT.
_base_ = '../default_runtime.py'

# --cfg-options model.backbone.init_cfg.checkpoint=PATH chooses the weights;
# model.backbone.init_cfg=None is the network before pre-training (hence the pre-training's class).
model = dict(
    type='LinearProbe',
    backbone=dict(
        type='MaskedVisionTransformer',
        with_mask_token=False,
        init_cfg=dict(type='Pretrained', checkpoint='SET-ME', source='auto'),
    ),
    n_last_blocks=4,
    avgpool=False,
    lrs=(0.003,),
)

optim_wrapper = dict(
    type='OptimWrapper',
    constructor='SweepOptimWrapperConstructor',
    optimizer=dict(type='SGD', momentum=0.9, weight_decay=0.0),
)
auto_scale_lr = dict(enable=True, base_batch_size=256)
param_scheduler = dict(type='CosineAnnealingLR', T_max=100, eta_min=0.0, by_epoch=True)
train_cfg = dict(type='SweepTrainLoop', max_epochs=100, select='held_out', held_out=0.1)

val_cfg = dict()
test_cfg = dict()
val_evaluator = dict(type='SweepAccuracy')
test_evaluator = dict(type='SweepAccuracy')
