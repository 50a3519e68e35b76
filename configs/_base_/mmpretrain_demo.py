# What demos of configs that inherit mmpretrain's have in common, taken by these names: the embedded
# data without labels, its loader, and a short schedule. Mixed precision is for GPUs: a demo states
# an `OptimWrapper`.
demo_images = dict(
    _delete_=True,
    type='StrictImageFolder',
    data_root='data/material_scenes/cls/',
    data_prefix='train',
    with_label=False,
    cache=True,
)
demo_loader = dict(batch_size=64, num_workers=0, persistent_workers=False, pin_memory=False)
demo_crop = dict(type='ResizedCrop', scale=32, crop_ratio_range=(0.5, 1.0))

demo_epochs = 16
demo_schedulers = [
    dict(type='LinearLR', start_factor=1e-3, end=2, convert_to_iter_based=True),
    dict(type='CosineAnnealingLR', begin=2, end=demo_epochs, convert_to_iter_based=True),
]
