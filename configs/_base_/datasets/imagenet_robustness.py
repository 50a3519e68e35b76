# Sets of images on which a classifier of ImageNet's 1000 classes is tested beside the validation
# images, by a RobustnessLoop. A set that isn't there: --cfg-options test_cfg.sets.NAME=None.

# Other images of the same classes, and other labels of the same images.
imagenet_variants = dict(
    imagenet_a=dict(
        dataset=dict(
            type='NumberedImageFolder',
            data_root='data/imagenet-a/',
            data_prefix='',
            num_folders=200,
        ),
        own_classes=True,  # the 200 compete, and the clean accuracy on them is measured, too
    ),
    imagenet_r=dict(
        dataset=dict(
            type='NumberedImageFolder',
            data_root='data/imagenet-r/',
            data_prefix='',
            num_folders=200,
        ),
        own_classes=True,
    ),
    imagenet_sketch=dict(
        dataset=dict(
            type='NumberedImageFolder',
            data_root='data/imagenet-sketch/',
            data_prefix='',
            num_folders=1000,
        )
    ),
    imagenet_v2=dict(
        dataset=dict(
            type='NumberedImageFolder',
            data_root='data/imagenetv2-matched-frequency-format-val/',
            data_prefix='',
            num_folders=1000,
        )
    ),
    real=dict(dataset=dict(type='ReaLImageNet', labels_file='data/imagenet/real.json')),
)

# ImageNet-9 (AttMask, Table 4): nine coarse classes, eight sets.
imagenet9_sets = {
    name: dict(
        dataset=dict(data_root='data/bg_challenge/', data_prefix=f'{name}/val'),
        class_map='data/bg_challenge/in_to_in9.json',
    )
    for name in (
        'original',
        'only_fg',
        'mixed_same',
        'mixed_rand',
        'mixed_next',
        'no_fg',
        'only_bg_b',
        'only_bg_t',
    )
}

# The validation images with salient patches black (AttMask, Table A11): by the attention of DINO's
# ViT-B/16, which reference.init_cfg.checkpoint names.
masked_sets = dict(
    masked=dict(
        ratios=(0.1, 0.3, 0.5, 0.7),
        reference=dict(
            type='MaskedVisionTransformer',
            arch='base',
            patch_size=16,
            with_mask_token=False,
            init_cfg=dict(type='Pretrained', checkpoint='SET-ME', source='auto'),
        ),
    )
)

# The validation images corrupted on the fly as ImageNet-C's: 15 corruptions x 5 severities.
# normalise=True divides the errors by AlexNet's, as the published mCE.
corrupted_sets = dict(imagenet_c=dict(corruptions='common', severities=(1, 2, 3, 4, 5)))
