# GPA's fine-tuning of ViT-B/16 on ImageNet-1k (Section 4.1; Tables 1, 3 to 6, 9 and 10): 100
# epochs, AdamW with learning rate 5e-4, batch 1024, layer decay 0.8, cosine; the rest is MAE's, on
# whose code GPA stands. The rate is MAE's "base" one: lr = 5e-4 x 1024 / 256.
# Upstream: layer decay 0.65.
_base_ = '../_base_/finetune_mae.py'

optim_wrapper = dict(
    optimizer=dict(lr=5e-4 * 1024 / 256),
    paramwise_cfg=dict(layer_decay_rate=0.8),
)
