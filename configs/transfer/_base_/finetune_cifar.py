# AttMask's fine-tuning on CIFAR (Appendix B; Tables 1 and 6): 500 epochs, images enlarged to 224
# px. CIFAR's files hold RGB, not BGR as OpenCV's images: colours are given in that order.
# Upstream's CIFAR data sets train at 32 px.
_base_ = 'finetune_deit.py'

mean, std = [123.675, 116.28, 103.53], [58.395, 57.12, 57.375]
data_preprocessor = dict(mean=mean, std=std, to_rgb=False)

train_pipeline = [
    dict(type='ResizedCrop', scale=224),
    dict(type='RandomFlip', prob=0.5, direction='horizontal'),
    dict(
        type='RandAugment',
        policies='timm_increasing',
        num_policies=2,
        total_level=10,
        magnitude_level=9,
        magnitude_std=0.5,
        hparams=dict(pad_val=[124, 116, 104], interpolation='bicubic'),
    ),
    dict(
        type='RandomErasing',
        erase_prob=0.25,
        mode='rand',
        min_area_ratio=0.02,
        max_area_ratio=1 / 3,
        fill_color=mean,
        fill_std=std,
    ),
    dict(type='PackInputs'),
]
test_pipeline = _base_.test_pipeline[1:]  # nothing to load

train_cfg = dict(max_epochs=500, val_interval=50)
