# The demo's linear probe on the miniature of ImageNet-9, with salient patches black, corrupted, and
# on some classes only: mmmask prepare-miniature imagenet9, then mmmask test CONFIG CHECKPOINT, the
# checkpoint of linear_vit-demo_material-scenes. The reference network is one of pre-training:
# --cfg-options test_cfg.sets.masked.reference.init_cfg.checkpoint=FILE
_base_ = 'linear_vit-demo_material-scenes.py'

sets = {
    name: dict(
        dataset=dict(data_root='data/miniature/imagenet9/', data_prefix=f'{name}/val', cache=False),
        class_map='data/miniature/imagenet9/materials_to_in9.json',
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
test_evaluator = []
test_cfg = dict(
    type='RobustnessLoop',
    sets=dict(
        **sets,
        masked=dict(
            ratios=(0.1, 0.3, 0.5, 0.7),
            reference=dict(
                type='MaskedVisionTransformer',
                with_mask_token=False,
                init_cfg=dict(type='Pretrained', checkpoint='SET-ME', source='auto'),
                **_base_.demo_backbone,
            ),
        ),
        corrupted=dict(corruptions=('gaussian_noise', 'contrast'), severities=(1, 3, 5)),
    ),
)
