# ccMIM's fine-tuning of ViT-B/16 on ImageNet-1k (Section 4.1; Tables 1 and 5): "the same
# hyper-parameter with MAE", 100 epochs, learning rate 1e-3, batch 1024, the mean of the patches.
# MAE's paper has layer decay 0.75 (its Table 9) and lr = base x batch / 256: 1e-3 x 1024 / 256.
# Upstream follows MAE's code instead: base rate 5e-4, layer decay 0.65.
_base_ = '../_base_/finetune_mae.py'

optim_wrapper = dict(
    optimizer=dict(lr=1e-3 * 1024 / 256),
    paramwise_cfg=dict(layer_decay_rate=0.75),
)
