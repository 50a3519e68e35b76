# Protocols and arms of the suites of ccMIM's tables and figures (mmmask::suites/ccmim).
#
# Hours are rough, of GPUs like the V100. MAE's README has 42 hours for 800 epochs of ViT-L on 64
# GPUs; ViT-B is taken for 0.45 of that, so an epoch on 8 GPUs takes 0.19 hours. ccMIM encodes all
# patches with and without gradients where MAE encodes a quarter: 2.5 times as long, on 32 GPUs. The
# README's 7.2 hours of fine-tuning and 2.3 hours of linear probing, of ViT-B on 32 GPUs, are four
# times as many on 8.
_base_ = 'demo.py'

_demos = _base_._demos
_smallest = _base_._smallest
_epoch = 42 / 800 * 0.45 * 64 / 8  # hours of MAE, ViT-B, on 8 GPUs
_ccmim_epoch = 2.5 * _epoch * 8 / 32
_finetuning_pass = 4 * 7.2 / 100  # hours of a pass over the 1.28 million of ImageNet on 8 GPUs

_coco = dict(
    title='Mask R-CNN on COCO, 12 epochs',
    run='train',
    metrics={
        f'coco/{kind}_mAP{threshold}': dict(label=f'{name} AP{threshold}', scale=100)
        for kind, name in (('bbox', 'box'), ('segm', 'mask'))
        for threshold in ('', '_50', '_75')
    },
    gpus=16,
    nodes=2,
    demo=_demos['detection'],
)
_ade20k = dict(
    run='train',
    metrics={'mIoU': 'mIoU', 'aAcc': 'aAcc', 'mAcc': 'mAcc'},
    gpus=8,
    demo=_demos['segmentation'],
)
_finetuning = dict(
    run='train',
    metrics={'accuracy/top1': 'top-1, %'},
    gpus=8,
    demo=_demos['finetuning'],
)

protocols = dict(
    **{
        f'ccmim_{epochs}': dict(
            title=f'ccMIM, ViT-B, {epochs} epochs',
            run='train',
            config=f'mmmask::ccmim/ccmim_vit-base-p16_32xb32-coslr-{epochs}e_in1k.py',
            gpus=32,
            nodes=4,
            hours=round(epochs * _ccmim_epoch),
            demo=dict(config='mmmask::demo/ccmim_vit-demo_material-scenes.py', options=_smallest),
        )
        for epochs in (100, 300, 400, 800)
    },
    # Figure 3. The warm-up is cut off with the run, so this is the first epoch of the others.
    ccmim_1=dict(
        title='ccMIM, ViT-B, 1 epoch',
        run='train',
        config='mmmask::ccmim/ccmim_vit-base-p16_32xb32-coslr-800e_in1k.py',
        options={'train_cfg.max_epochs': 1},
        gpus=32,
        nodes=4,
        hours=0.5,
        demo=dict(
            config='mmmask::demo/ccmim_vit-demo_material-scenes.py',
            options={**_smallest, 'train_cfg.max_epochs': 1},
        ),
    ),
    ccmim_small=dict(
        title='ccMIM, ViT-S, 300 epochs',
        run='train',
        config='mmmask::ccmim/ccmim_vit-small-p16_32xb32-coslr-300e_in1k.py',
        gpus=32,
        nodes=4,
        hours=20,  # the loader's bound
        demo=dict(config='mmmask::demo/ccmim_vit-demo_material-scenes.py', options=_smallest),
    ),
    **{
        f'mae_{epochs}': dict(
            title=f'MAE, ViT-B, {epochs} epochs',
            run='train',
            config=f'mmmask::mae/mae_vit-base-p16_8xb512-coslr-{epochs}e_in1k.py',
            gpus=8,
            hours=round(epochs * _epoch),
            demo=dict(config='mmmask::demo/mae_vit-demo_material-scenes.py', options=_smallest),
        )
        for epochs in (300, 800, 1600)
    },
    maskfeat=dict(
        title='MaskFeat, ViT-B, 300 epochs',
        run='train',
        config='mmmask::maskfeat/maskfeat_vit-base-p16_8xb256-amp-coslr-300e_in1k.py',
        gpus=8,
        hours=150,  # all patches pass the encoder: 2.5 times MAE's
        demo=dict(config='mmmask::demo/maskfeat_vit-demo_material-scenes.py', options=_smallest),
    ),
    mocov3_small=dict(
        title='MoCo v3, ViT-S, 300 epochs',
        run='train',
        config='mmmask::mocov3/mocov3_vit-small-p16_16xb256-amp-coslr-300e_in1k.py',
        gpus=16,
        nodes=2,
        hours=40,  # see mst.py
        demo=dict(config='mmmask::demo/mocov3_vit-demo_material-scenes.py', options=_smallest),
    ),
    linear=dict(
        title='linear classifier on the mean patch',
        run='train',
        config='mmmask::frozen/linear-ccmim_vit-small-p16_in1k.py',
        options={'model.backbone.arch': 'base'},
        metrics={'linear/top1': 'top-1, %'},
        gpus=8,
        hours=round(4 * 2.3),
        demo=dict(
            _demos['linear_mae'],
            options={**_demos['linear_mae']['options'], 'model.token': 'gap_renormed'},
        ),
    ),
    finetuning=dict(
        _finetuning,
        title='fine-tuned on ImageNet-1k, 100 epochs',
        config='mmmask::transfer/mmpretrain/finetune-ccmim_vit-base-p16_8xb128-coslr-100e_in1k.py',
        hours=round(100 * _finetuning_pass),
    ),
    coco=dict(
        _coco,
        config='mmmask::transfer/mmdet/mask-rcnn_vit-base-p16_16xb2-1x_coco.py',
        hours=12,  # 12 x 3665 iterations of 1 s
    ),
    coco_small=dict(
        _coco,
        config='mmmask::transfer/mmdet/mask-rcnn_vit-small-p16_16xb2-1x_coco.py',
        hours=8,
    ),
    coco_small_12_heads=dict(  # MoCo v3's ViT-S
        _coco,
        config='mmmask::transfer/mmdet/mask-rcnn_vit-small-p16_16xb2-1x_coco.py',
        options={'model.backbone.arch.num_heads': 12},
        hours=8,
    ),
    ade20k=dict(
        _ade20k,
        title='UperNet on ADE20K, 160k iterations',
        config='mmmask::transfer/mmseg/upernet-ccmim_vit-base-p16_8xb2-160k_ade20k-512x512.py',
        hours=24,  # 160,000 iterations of 0.55 s
    ),
    ade20k_fpn=dict(
        _ade20k,
        title='FPN on ADE20K, 160k iterations',
        config='mmmask::transfer/mmseg/fpn_vit-base-p16_8xb2-160k_ade20k-512x512.py',
        hours=16,
    ),
    **{
        name: dict(
            _finetuning,
            title=f'fine-tuned on {title}, {epochs} epochs',
            config=f'mmmask::transfer/mmpretrain/finetune-ccmim_vit-base-p16_8xb128-coslr-'
            f'{epochs}e_{name}.py',
            hours=max(1, round(epochs * images / 1.28e6 * _finetuning_pass)),
        )
        for name, title, epochs, images in (
            ('inat2018', 'iNaturalist 2018', 360, 437_513),
            ('inat2019', 'iNaturalist 2019', 360, 265_213),
            ('flowers102', 'Flowers-102', 1000, 2040),
        )
    },
)

# Table 5: how patches are divided; `importance sampling` is the config's.
_dividing = {
    'random': (
        'random dividing',
        {
            'model.masker': dict(_delete_=True, type='RandomMasker', ratio=0.75),
            'model.scorer': None,
        },
    ),
    'block': (  # BEiT's blocks of at least 16 patches
        'block-wise dividing',
        {
            'model.masker': dict(
                _delete_=True,
                type='BlockMasker',
                ratio=0.75,
                prob=1.0,
                min_num_patches=16,
                exact=True,
            ),
            'model.scorer': None,
        },
    ),
    'importance': (  # the most attended patches are masked
        'importance-based dividing',
        {
            'model.masker': dict(_delete_=True, type='HighAttentionMasker', ratio=0.75, prob=1.0),
        },
    ),
}
# The demo has 16 patches in all.
_demo_blocks = dict(_dividing['block'][1]['model.masker'], min_num_patches=4)
_demo_dividing = {
    'block': dict(options={'model.masker': _demo_blocks, 'model.scorer': None}),
}
_lambdas = (0.1, 0.2, 0.4, 0.6, 0.8, 1.0)

# Papers that ccMIM cites, whose numbers it prints.
_cited = {
    'BEiT': 'Bao et al., ICLR 2022 (BEiT)',
    'CAE': 'Chen et al., arXiv 2202.03026 (CAE)',
    'CIM': 'Fang et al., arXiv 2202.03382 (CIM)',
    'ConMIM': 'Yi et al., arXiv 2205.09616 (ConMIM)',
    'DINO': 'Caron et al., ICCV 2021 (DINO)',
    'DeiT': 'Touvron et al., ICML 2021 (DeiT)',
    'MAE': 'He et al., CVPR 2022 (MAE)',
    'MoCo v2': 'Chen et al., arXiv 2003.04297 (MoCo v2)',
    'MoCo v3': 'Chen et al., ICCV 2021 (MoCo v3)',
    'SimMIM': 'Xie et al., CVPR 2022 (SimMIM)',
    'Swin': 'Liu et al., ICCV 2021 (Swin)',
    'iBOT': 'Zhou et al., ICLR 2022 (iBOT)',
}
_given = {  # arm: method, what its checkpoint has seen
    'deit_small': ('DeiT', 'ViT-S, 300 epochs with labels'),
    'deit': ('DeiT', 'ViT-B, 300 epochs with labels'),
    'mocov3_300': ('MoCo v3', 'ViT-B, 300 epochs'),
    'mocov3_800': ('MoCo v3', 'ViT-B, 800 epochs'),
    'dino_300': ('DINO', 'ViT-B, 300 epochs'),
    'dino_400': ('DINO', 'ViT-B, 400 epochs'),
    'ibot': ('iBOT', 'ViT-B, 1600 epochs'),
}

arms = dict(
    **{
        f'ccmim_{epochs}': dict(title=f'ccMIM, {epochs} epochs', protocol=f'ccmim_{epochs}')
        for epochs in (100, 300, 400)
    },
    ccmim_800=dict(title='ccMIM, 800 epochs', protocol='ccmim_800'),
    ccmim_small=dict(title='ccMIM, ViT-S', protocol='ccmim_small'),
    **{
        f'mae_{epochs}': dict(title=f'MAE, {epochs} epochs', protocol=f'mae_{epochs}')
        for epochs in (300, 1600)
    },
    mae_800=dict(title='MAE, 800 epochs', protocol='mae_800'),
    maskfeat=dict(title='MaskFeat', protocol='maskfeat'),
    mocov3_small=dict(title='MoCo v3, ViT-S', protocol='mocov3_small'),
    **{
        f'{name}_{epochs}': dict(
            title=f'ccMIM, {title}, {epochs} epochs',
            protocol=f'ccmim_{epochs}',
            options=options,
            demo=_demo_dividing.get(name, {}),
        )
        for name, (title, options) in _dividing.items()
        for epochs in (100, 400)
    },
    # Figure 2. InfoNCE at 0.2 is ccmim_400.
    no_alignment=dict(title='ccMIM, λ = 0', protocol='ccmim_400', options={'model.contrast': None}),
    **{
        f'{objective}_{weight}': dict(
            title=f'ccMIM, {title}, λ = {weight}',
            protocol='ccmim_400',
            options={'model.contrast.objective': objective, 'model.contrast.weight': weight},
        )
        for objective, title in (('nce', 'InfoNCE'), ('cosine', 'cosine'))
        for weight in _lambdas
        if (objective, weight) != ('nce', 0.2)
    },
    ccmim_1=dict(title='ccMIM, 1 epoch', protocol='ccmim_1'),
    **{
        name: dict(title=f'{method}, {what}', source=_cited[method])
        for name, (method, what) in _given.items()
    },
)
