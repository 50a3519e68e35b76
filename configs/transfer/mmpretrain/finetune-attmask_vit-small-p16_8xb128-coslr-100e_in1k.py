# AttMask's fine-tuning of ViT-S/16 on ImageNet-1k (Table A14): 100 epochs is all that the paper
# says. The rest is iBOT's, in whose tables the baseline is: the CLS token, layer decay 0.75 for
# ViT-S, 20 epochs of warm-up, batch 1024, lr = 1e-3 x 1024 / 256 (iBOT sweeps rates; this is its
# code's default, and it trains ViT-S for 200 epochs).
# Upstream (MAE's, ViT-B): the mean of the patches, layer decay 0.65, half the rate, 5 epochs of
# warm-up.
_base_ = '../_base_/finetune_mae.py'

model = dict(
    backbone=dict(arch='deit-small', out_type='cls_token', final_norm=True),
    head=dict(in_channels=384),
)

optim_wrapper = dict(
    optimizer=dict(lr=1e-3 * 1024 / 256),
    paramwise_cfg=dict(layer_decay_rate=0.75),
)
warm_up = 20
param_scheduler = _base_.param_scheduler
param_scheduler[0].update(end=warm_up)
param_scheduler[1].update(begin=warm_up)
