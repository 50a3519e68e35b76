# MAE's linear evaluation (He et al., Appendix A.2 and main_linprobe.py): the CLS token of the last
# block, a BatchNorm without weights, LARS, 0.1 per 256 images at a batch of 16384, 90 epochs of
# which 10 warm up, half a cosine to 0 by the iteration, no weight decay.
_base_ = 'linear.py'

model = dict(n_last_blocks=1, lrs=(0.1,), batch_norm=True)

optim_wrapper = dict(
    optimizer=dict(_delete_=True, type='MatrixLARS', momentum=0.9, weight_decay=0.0)
)
param_scheduler = None
train_cfg = dict(max_epochs=90)
default_hooks = dict(
    schedule=dict(
        type='ScheduleHook',
        schedules=dict(
            lr=dict(
                path='optimizer.lr',
                schedule=dict(type='CosineSchedule', start=1.0, end=0.0, warmup=10),
            ),
        ),
    ),
)
