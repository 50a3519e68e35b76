# DINO's and iBOT's optimisation, with the values of AttMask's 100-epoch benchmark (AttMask,
# Appendix B).
_base_ = '../default_runtime.py'

# 5e-4 x batch / 256, at a batch of 240; `--auto-scale-lr` rescales it for another batch.
optim_wrapper = dict(
    type='OptimWrapper',
    constructor='MatrixDecayOptimWrapperConstructor',
    optimizer=dict(type='AdamW', lr=5e-4 * 240 / 256, weight_decay=0.04),
)
auto_scale_lr = dict(base_batch_size=240)
train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=100)

default_hooks = dict(
    schedule=dict(
        type='ScheduleHook',
        schedules=dict(
            # They start at the optimiser's values (start=1.0) and end at these.
            lr=dict(
                path='optimizer.lr',
                end=1e-6,
                schedule=dict(type='CosineSchedule', start=1.0, warmup=10),
            ),
            weight_decay=dict(
                path='optimizer.weight_decay',
                end=0.4,
                schedule=dict(type='CosineSchedule', start=1.0),
            ),
            momentum=dict(
                path='model.teacher.momentum',
                schedule=dict(type='CosineSchedule', start=0.996, end=1.0),
            ),
            teacher_temp=dict(
                path='model.head.teacher_temp',
                by='epoch',
                schedule=dict(type='ConstantSchedule', value=0.07, warmup=30, warmup_start=0.04),
            ),
        ),
    ),
    ema_teacher=dict(type='EMATeacherHook'),
    grad_clip=dict(type='PerParameterGradClipHook', max_norm=3.0),
    freeze_last_layer=dict(type='FreezeLastLayerHook', epochs=1),
)
