# What the suites of AttMask share: how arms are pre-trained, how they are measured, and the rows
# and columns that several tables have. A suite states its table. Protocols and arms that no table
# of it names stay out of it.
#
# Hours are rough, of V100s. A ViT-S/16 passes 1007 images of 224 px a second forwards (MST, Table
# 1); a step of training costs three forward passes, 336 images a second. An image of a pre-training
# has two global and n local crops of 96 px: 3 x (2 + n (96 / 224)^2) passes of the student and two
# of the teacher. These are 11.3 with six local crops (89 images a second), 12.4 with eight (81) and
# 13.5 with ten (75).

_base_ = 'demo.py'

_miniatures = (
    *('imagenet9', 'roxford5k', 'rparis6k', 'davis2017'),
    *('cub200', 'cars196', 'sop', 'inshop'),
)
demo = dict(
    prepare=dict(
        command=[*_base_.demo.prepare.command, '--miniatures', *_miniatures],
        data=[
            *_base_.demo.prepare.data,
            *(f'data/miniature/{name}/manifest.json' for name in _miniatures),
        ],
    )
)
_imagenet9 = dict(
    only_fg='OF',
    mixed_same='MS',
    mixed_rand='MR',
    mixed_next='MN',
    no_fg='NF',
    only_bg_b='OBB',
    only_bg_t='OBT',
    original='IN-9',
)

# -- Pre-trainings --------------------------------------------------------------------------------

# Recipe -> its needs, and arm -> (title, config without the recipe, demo).
_recipes = {
    # 20 % of ImageNet-1k: 26 M images at 8 x 89 a second.
    '8xb30-coslr-100e_in1k-20pct': (
        dict(gpus=8, hours=10),
        dict(
            block=('Random Block-Wise', 'ibot/ibot', 'ibot'),
            random75=('Random, 75 %', 'attmask/random-ratio0.75-ibot', 'random-ibot'),
            random=('Random', 'attmask/random-ibot', 'random-ibot'),
            low=('AttMask-Low', 'attmask/attmask-low-ibot', 'attmask-low-ibot'),
            hint=('AttMask-Hint', 'attmask/attmask-hint-ibot', 'attmask-hint-ibot'),
            high=('AttMask-High', 'attmask/attmask-high-ibot', 'attmask-high-ibot'),
            dino_20pct=('DINO, no masking', 'dino/dino', 'dino'),
            dino_random=('DINO, random', 'attmask/random-dino', 'attmask-high-dino'),
            dino_low=('DINO, AttMask-Low', 'attmask/attmask-low-dino', 'attmask-high-dino'),
            dino_hint=('DINO, AttMask-Hint', 'attmask/attmask-hint-dino', 'attmask-high-dino'),
            dino_high=('DINO, AttMask-High', 'attmask/attmask-high-dino', 'attmask-high-dino'),
        ),
    ),
    '8xb30-coslr-100e_in1k-10pct': (
        dict(gpus=8, hours=5),
        dict(
            block_10pct=('Random Block-Wise, a tenth', 'ibot/ibot', 'ibot'),
            high_10pct=('AttMask-High, a tenth', 'attmask/attmask-high-ibot', 'attmask-high-ibot'),
        ),
    ),
    '8xb30-coslr-100e_in1k-5pct': (
        dict(gpus=8, hours=2.5),
        dict(
            block_5pct=('Random Block-Wise, a twentieth', 'ibot/ibot', 'ibot'),
            high_5pct=(
                'AttMask-High, a twentieth',
                'attmask/attmask-high-ibot',
                'attmask-high-ibot',
            ),
        ),
    ),
    # The whole of ImageNet-1k: 128 M images at 8 x 75 a second.
    '8xb30-coslr-100e_in1k': (
        dict(gpus=8, hours=60),
        dict(
            ibot=('iBOT', 'ibot/ibot', 'ibot'),
            attmask=('iBOT+AttMask', 'attmask/attmask-high-ibot', 'attmask-high-ibot'),
            attmask_hint=('iBOT+AttMask-Hint', 'attmask/attmask-hint-ibot', 'attmask-hint-ibot'),
        ),
    ),
    '8xb100-coslr-300e_in1k': (
        dict(gpus=8, hours=180),
        dict(
            ibot_300e=('iBOT, 300 epochs', 'ibot/ibot', 'ibot'),
            attmask_300e=(
                'iBOT+AttMask, 300 epochs',
                'attmask/attmask-high-ibot',
                'attmask-high-ibot',
            ),
        ),
    ),
    # 128 M images at 16 x 81 a second, and MST's decoder.
    '16xb64-coslr-100e_in1k': (
        dict(gpus=16, nodes=2, hours=30),
        dict(mst=('MST', 'mst/mst', 'mst')),
    ),
    '16xb64-coslr-300e_in1k': (
        dict(gpus=16, nodes=2, hours=90),
        dict(mst_300e=('MST, 300 epochs', 'mst/mst', 'mst')),
    ),
}

protocols = {
    arm: dict(
        run='train',
        config=f'mmmask::{config}_vit-small-p16_{recipe}.py',
        title=title,
        **needs,
        demo=dict(
            config=f'mmmask::demo/{small}_vit-demo_material-scenes.py',
            options=_base_._smallest_teacher,
        ),
    )
    for recipe, (needs, of_recipe) in _recipes.items()
    for arm, (title, config, small) in of_recipe.items()
}
protocols.update(
    # Table 9b: a batch of 180, as 6 GPUs x 30. 26 M images at 6 x 89 a second.
    high_180={
        **protocols['high'],
        'gpus': 6,
        'hours': 13,
        'options': {
            'optim_wrapper.optimizer.lr': 5e-4 * 180 / 256,
            'auto_scale_lr.base_batch_size': 180,
        },
    },
    # DINO's own numbers (its Table 8) are of ten local crops and a batch of 1024.
    **{
        arm: dict(
            run='train',
            config='mmmask::mst/dino_vit-small-p16_16xb64-coslr-100e_in1k.py',
            title=title,
            gpus=16,
            nodes=2,
            hours=0.3 * epochs,
            options={
                'train_cfg.max_epochs': epochs,
                'train_dataloader.dataset.pipeline.1.num_local': 10,
            },
            demo=protocols['dino_20pct']['demo'],
        )
        for arm, title, epochs in (('dino', 'DINO', 100), ('dino_300e', 'DINO, 300 epochs', 300))
    },
)

# -- Arms -----------------------------------------------------------------------------------------

# Figure 4: k-NN every five epochs, as the protocol below measures it. A run with it ends with the
# same weights. 20 x 1.3 M images take an hour.
_load, _pack = dict(type='LoadImageFromFile'), dict(type='PackInputs')
_bicubic = dict(backend='pillow', interpolation='bicubic')
_folder = dict(type='StrictImageFolder', test_mode=True)
_images = dict(
    **_folder,
    data_root='data/imagenet/',
    pipeline=[
        _load,
        dict(type='ResizeEdge', scale=256, edge='short', **_bicubic),
        dict(type='CenterCrop', crop_size=224),
        _pack,
    ],
)
_loader = dict(
    batch_size=256,
    num_workers=8,
    sampler=dict(type='DefaultSampler', shuffle=False),
    collate_fn=dict(type='default_collate'),
)
_knn_hook = dict(
    type='KNNHook',
    interval=5,
    bank_dataloader=dict(dataset=dict(data_prefix='train', **_images), **_loader),
    query_dataloader=dict(dataset=dict(data_prefix='val', **_images), **_loader),
)
_few_images = dict(
    **_folder,
    data_root='data/material_scenes/cls/',
    max_per_class=5,
    pipeline=[_load, dict(type='Resize', scale=32, **_bicubic), _pack],
)
_demo_loader = {**_loader, 'num_workers': 0}
_demo_knn_hook = dict(
    type='KNNHook',
    at_start=True,
    bank_dataloader=dict(dataset=dict(data_prefix='train', **_few_images), **_demo_loader),
    query_dataloader=dict(dataset=dict(data_prefix='val', **_few_images), **_demo_loader),
)

arms = {arm: dict(title=protocols[arm]['title'], protocol=arm) for arm in protocols}
del arms['high_180']
for _arm in ('block', 'high'):
    arms[_arm].update(
        options={'default_hooks.knn': _knn_hook},
        demo=dict(options={'default_hooks.knn': _demo_knn_hook}),
    )
# The demo has configs of its own for AttMask-High on DINO and for one random ratio.
arms['random75'].update(demo=dict(options={'model.masker.ratio': 0.75}))
arms['dino_low'].update(demo=dict(options={'model.masker.type': 'LowAttentionMasker'}))
arms['dino_hint'].update(
    demo=dict(options={'model.masker': dict(type='HintAttentionMasker', show_max=0.5)})
)
arms['dino_random'].update(
    demo=dict(options={'model.masker.type': 'RandomMasker', 'model.scorer': None})
)

# Table 9a. The demo has three blocks instead of twelve.
_blocks = 'model.scorer.attention.blocks'
_layers = (6, 9, 11)
arms.update(
    {
        f'layer{layer}': dict(
            title=f'layer {layer}',
            protocol='high',
            options={_blocks: (layer - 1,)},
            demo=dict(options={_blocks: (layer // 4 - 1,)}),
        )
        for layer in _layers
    }
)
# Table 9b.
_probabilities = (0, 0.25, 0.5, 0.75, 1)
arms.update(
    {
        f'prob{prob}': dict(
            title=f'p = {prob}', protocol='high_180', options={'model.masker.prob': float(prob)}
        )
        for prob in _probabilities
    }
)
# Tables 9c and A16; the ratio of 10-50 is the default.
_strategies = {arm: arms[arm]['title'] for arm in ('block', 'random', 'high')}
_ratios = {'10-30': (0.1, 0.3), '10-50': None, '10-70': (0.1, 0.7), '30': 0.3}
arms.update(
    {
        f'{arm}_ratio{name}': dict(
            title=f'{title}, {name} %', protocol=arm, options={'model.masker.ratio': ratio}
        )
        for arm, title in _strategies.items()
        for name, ratio in _ratios.items()
        if ratio
    }
)
# Table A15; the weight of 1 is the default.
arms.update(
    {
        f'{arm}_lambda{weight}': dict(
            title=f'{_strategies[arm]}, λ = {weight}',
            protocol=arm,
            options={'model.head.patch_weight': float(weight)},
        )
        for arm in ('block', 'high')
        for weight in (0, 0.5, 2)
    }
)
# Checkpoints that only --set gives.
arms.update(
    simclr=dict(title='SimCLR', source='SimCLR, a DeiT-S/16 of 300 epochs'),
    byol=dict(title='BYOL', source='BYOL, a DeiT-S/16 of 800 epochs'),
    moby=dict(title='MoBY', source='MoBY, its DeiT-S/16 of 300 epochs'),
    dino_vitb16=dict(
        title='DINO, ViT-B/16',
        source='DINO, facebookresearch/dino, its ViT-B/16',
        demo=dict(protocol='dino_20pct'),
    ),
)

# -- Evaluations ----------------------------------------------------------------------------------

_few = _base_._demos.knn.options
_same_probe = {'model.lrs': _base_._demos.linear.options['model.lrs']}
protocols.update(
    # 1.3 M images at 1007 a second.
    knn=dict(
        run='test',
        config='mmmask::frozen/knn_vit-small-p16_in1k.py',
        title='k-NN (k = 20)',
        hours=0.5,
        metrics={'knn/top1_k20': 'k-NN'},
        demo=_base_._demos.knn,
    ),
    knn_gap=dict(
        run='test',
        config='mmmask::frozen/knn_vit-small-p16_in1k.py',
        title='k-NN (k = 20) by the mean patch',
        options={'test_cfg.feature': 'gap'},
        hours=0.5,
        metrics={'knn/top1_k20': 'GAP'},
        demo={**_base_._demos.knn, 'options': {**_few, 'test_cfg.feature': 'gap'}},
    ),
    fewshot=dict(
        run='test',
        config='mmmask::frozen/knn-fewshot_vit-small-p16_in1k.py',
        title='k-NN (k = 20) with a few images of each class, mean of five draws',
        hours=0.5,
        metrics={f'knn/top1_k20_{shots}shot': f'ν = {shots}' for shots in (1, 5, 10, 20)},
        demo=dict(
            config='mmmask::demo/knn-fewshot_vit-demo_material-scenes.py',
            options=_few,
            metrics={f'knn/top1_k10_{shots}shot': f'ν = {shots}' for shots in (1, 5, 10, 20)},
        ),
    ),
    # 100 passes over 1.28 M images at 8 x 1007 a second.
    linear=dict(
        run='train',
        config='mmmask::frozen/linear_vit-small-p16_in1k.py',
        title='linear probe',
        gpus=8,
        hours=5,
        metrics={'linear/top1': 'Linear'},
        demo=_base_._demos.linear,
    ),
    # 8 x 4 k images and the validation images.
    in9=dict(
        run='test',
        config='mmmask::robustness/in9-linear_vit-small-p16_in1k.py',
        title='linear probe on ImageNet-9',
        after='linear',
        hours=0.2,
        metrics={f'robustness/{name}_top1': label for name, label in _imagenet9.items()},
        demo=dict(
            config='mmmask::demo/robustness_vit-demo_material-scenes.py',
            options={
                **_same_probe,
                'test_cfg.sets.masked': None,
                'test_cfg.sets.corrupted': None,
            },
        ),
    ),
    # 5 x 50 k images, and four times as many by a ViT-B/16.
    masked=dict(
        run='test',
        config='mmmask::robustness/masked-linear_vit-small-p16_in1k.py',
        title='linear probe on masked images',
        after='linear',
        weights={'test_cfg.sets.masked.reference.init_cfg': 'dino_vitb16'},
        hours=0.5,
        metrics={f'robustness/masked_{share}_top1': f'{share} %' for share in (10, 30, 50, 70)},
        demo=dict(
            config='mmmask::demo/robustness_vit-demo_material-scenes.py',
            options={
                **_same_probe,
                'test_dataloader.dataset.max_per_class': 20,
                'test_cfg.sets.corrupted': None,
                **{f'test_cfg.sets.{name}': None for name in _imagenet9},
            },
        ),
    ),
    # 2.4 M images and their mirror images.
    places205=dict(
        run='test',
        config='mmmask::frozen/linear_vit-small-p16_places205.py',
        title='linear probe on Places205',
        hours=2,
        metrics={'linear/top1': 'Places205'},
        demo=dict(
            config='mmmask::demo/linear-fit_vit-demo_material-scenes.py',
            options={**_few, 'test_cfg.epochs': 2},
        ),
    ),
    # Up to 60 k images.
    **{
        name: dict(
            run='test',
            config=f'mmmask::frozen/recall_vit-small-p16_{name}.py',
            title=f'Recall@k on {title}',
            hours=0.2,
            metrics={f'retrieval/recall_at_{k}': f'R@{k}' for k in ks},
            demo=dict(
                config=f'mmmask::demo/recall_vit-demo_{name}.py',
                metrics={f'retrieval/recall_at_{k}': f'R@{k}' for k in (1, 2, 4)},
            ),
        )
        for name, title, ks in (
            ('cub200', 'CUB200', (1, 2, 4)),
            ('cars196', 'CARS196', (1, 2, 4)),
            ('sop', 'SOP', (1, 10, 100)),
            ('inshop', 'In-Shop', (1, 10, 20)),
        )
    },
    **{
        name: dict(
            run='test',
            config=f'mmmask::frozen/revisited_vit-small-p16_{name}.py',
            title=f'retrieval on {title}',
            hours=0.2,
            metrics={'retrieval/map_medium': 'Medium', 'retrieval/map_hard': 'Hard'},
            demo=dict(config=f'mmmask::demo/revisited_vit-demo_{name}.py'),
        )
        for name, title in (('roxford5k', 'ROxford'), ('rparis6k', 'RParis'))
    },
    # 2 k frames of 480 pixels.
    davis=dict(
        run='test',
        config='mmmask::frozen/davis_vit-small-p16_davis2017.py',
        title='DAVIS 2017',
        hours=0.5,
        metrics={'davis/j_and_f_mean': '(J&F)m', 'davis/j_mean': 'Jm', 'davis/f_mean': 'Fm'},
        demo=dict(config='mmmask::demo/davis_vit-demo_miniature.py'),
    ),
    # Training images / (GPUs x 336 a second): 25 M of CIFAR, 2 M of Flowers, 128 M of ImageNet.
    **{
        name: dict(
            run='train',
            config=f'mmmask::transfer/mmpretrain/finetune-attmask_vit-small-p16_{recipe}.py',
            title=f'fine-tuning on {title}',
            gpus=gpus,
            hours=hours,
            metrics={'accuracy/top1': title},
            demo=_base_._demos.finetuning,
        )
        for name, recipe, title, gpus, hours in (
            ('cifar10', '6xb150-coslr-500e_cifar10', 'CIFAR10', 6, 4),
            ('cifar100', '6xb150-coslr-500e_cifar100', 'CIFAR100', 6, 4),
            ('flowers102', '6xb150-coslr-1000e_flowers102', 'Flowers', 6, 0.5),
            ('finetuning', '8xb128-coslr-100e_in1k', 'ImageNet', 8, 14),
        )
    },
    # 1.4 M images of twenty times the patches, three times over with the detector: 8 x 5.6 a
    # second.
    coco=dict(
        run='train',
        config='mmmask::transfer/mmdet/cascade-mask-rcnn_vit-small-p16_8xb2-1x_coco.py',
        title='Cascade Mask R-CNN on COCO',
        gpus=8,
        hours=9,
        metrics={
            'coco/bbox_mAP': dict(label='box AP', scale=100),
            'coco/segm_mAP': dict(label='mask AP', scale=100),
        },
        demo=_base_._demos.detection,
    ),
    # 2.6 M images of five times the patches, three times over with the head: 8 x 22 a second.
    ade20k=dict(
        run='train',
        config='mmmask::transfer/mmseg/upernet_vit-small-p16_8xb2-160k_ade20k-512x512.py',
        title='UperNet on ADE20K',
        gpus=8,
        hours=5,
        metrics={'mIoU': 'mIoU'},
        demo=_base_._demos.segmentation,
    ),
)

# -- What several tables have ---------------------------------------------------------------------

_blocks_of_beit = '†: default iBOT masking strategy from BEiT [2].'
_random_of_mae = '‡: aggressive random masking strategy from MAE [24].'
_masked_ibot = [
    dict(label=(label, ratio), arm=arm)
    for label, ratio, arm in (
        ('Random Block-Wise†', '10-50', 'block'),
        ('Random‡', '75', 'random75'),
        ('Random', '10-50', 'random'),
        ('AttMask-Low (ours)', '10-50', 'low'),
        ('AttMask-Hint (ours)', '10-50', 'hint'),
        ('AttMask-High (ours)', '10-50', 'high'),
    )
]
_methods = [dict(label='iBOT', arm='ibot'), dict(label='iBOT+AttMask', arm='attmask')]
_gain = dict(label='Gain', arm='attmask', minus='ibot')
_in1k = [
    dict(label='k-NN', group='(a) Full', metric='knn'),
    dict(label='Linear', group='(a) Full', metric='linear'),
    *(
        dict(
            label=f'ν = {shots}' if shots == 1 else f'{shots}',
            group='(b) Few examples',
            metric=f'fewshot:knn/top1_k20_{shots}shot',
        )
        for shots in (1, 5, 10, 20)
    ),
]
