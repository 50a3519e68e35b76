# MAE's optimisation, as GPA and ccMIM take it over: AdamW, 40 epochs of warm-up, half a cosine, no
# decay of biases and norms.
_base_ = '../default_runtime.py'

# 1.5e-4 x batch / 256, at a batch of 4096; `--auto-scale-lr` rescales it for another batch.
optim_wrapper = dict(
    type='OptimWrapper',
    constructor='MatrixDecayOptimWrapperConstructor',
    optimizer=dict(type='AdamW', lr=1.5e-4 * 4096 / 256, betas=(0.9, 0.95), weight_decay=0.05),
)
auto_scale_lr = dict(base_batch_size=4096)
train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=200)

default_hooks = dict(
    cost=dict(type='StepCostHook'),  # cost/gflops and cost/parameters in result.json
    schedule=dict(
        type='ScheduleHook',
        schedules=dict(
            # Starts at the optimiser's rate (start=1.0).
            lr=dict(
                path='optimizer.lr',
                end=0.0,
                schedule=dict(type='CosineSchedule', start=1.0, warmup=40),
            ),
        ),
    ),
)
