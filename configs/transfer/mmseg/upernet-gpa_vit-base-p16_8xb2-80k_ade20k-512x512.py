# GPA, Table 2: 80k iterations, as its ablations have (after 200 epochs MAE 40.5 mIoU, GPA 44.3).
_base_ = './upernet-gpa_vit-base-p16_8xb2-160k_ade20k-512x512.py'

max_iters = 80000
train_cfg = dict(max_iters=max_iters)
param_scheduler = [
    dict(type='LinearLR', start_factor=1e-6, by_epoch=False, begin=0, end=1500),
    dict(type='PolyLR', power=1.0, eta_min=0.0, by_epoch=False, begin=1500, end=max_iters),
]
