# Protocols and arms of the suites of MST's tables (mmmask::suites/mst). `linear` is the paper's own
# probe, `linear_dino` DINO's, the rows with a dagger. k-NN has k = 10 (Appendix 4).
#
# Hours are rough, of GPUs like the V100. DINO's README has 42 hours for 100 epochs of ViT-S on 8
# GPUs, so 21 on 16; MST's decoder is taken for a fifth more. Swin-T sees 755 images a second where
# DeiT-S sees 1007 (Table 1), so a pass over the 1.28 million of ImageNet takes a GPU 21 minutes.
_base_ = 'demo.py'

_demos = _base_._demos
_smallest = _base_._smallest
_smallest_teacher = _base_._smallest_teacher
_epoch = 42 / 100 * 8 / 16  # hours of DINO on 16 GPUs
_swin = 1007 / 755

# A Swin in the demo's evaluations: the last of its maps has the grid and the width of their ViT.
_demo_swin = dict(
    _delete_=True,
    arch=dict(embed_dims=16, depths=[1, 1, 2], num_heads=[1, 2, 4]),
    img_size=32,
    patch_size=2,
    window_size=4,
)
_demo_masked_swin = dict(_demo_swin, type='MaskedSwinTransformer', with_mask_token=False)
_init_cfg = dict(type='Pretrained', checkpoint='SET-ME', source='auto')

_knn = dict(
    run='test',
    metrics={f'knn/top1_k{k}': f'top-1 %, k = {k}' for k in (10, 20, 100, 200)},
    hours=0.5,  # 1.33 million images pass once
    demo=_demos['knn'],
)
_linear = dict(
    run='train',
    metrics={'linear/top1': 'top-1, %'},
    gpus=8,
    hours=6,  # 100 passes of 21 minutes / 8, and a validation after each
    demo=_demos['linear'],
)
_linear_demo = {**_demos['linear']['options'], 'model.n_last_blocks': 1}  # the last CLS token alone
_cityscapes = dict(
    run='train',
    metrics={name: dict(label=name, digits=2) for name in ('mIoU', 'mAcc', 'aAcc')},
    gpus=8,
    hours=8,  # 40,000 iterations of 0.7 s
    demo=_demos['segmentation'],
)
# MoCo v3's ViT-S has 12 heads.
_twelve_heads = {
    'model.backbone.arch': dict(
        embed_dims=384, num_layers=12, num_heads=12, feedforward_channels=1536
    )
}

protocols = dict(
    **{
        f'mst_{epochs}': dict(
            title=f'MST, DeiT-S, {epochs} epochs',
            run='train',
            config=f'mmmask::mst/mst_vit-small-p16_16xb64-coslr-{epochs}e_in1k.py',
            gpus=16,
            nodes=2,
            hours=round(1.2 * epochs * _epoch),
            demo=dict(
                config='mmmask::demo/mst_vit-demo_material-scenes.py', options=_smallest_teacher
            ),
        )
        for epochs in (100, 300)
    },
    **{
        f'dino_{epochs}': dict(
            title=f'DINO, DeiT-S, {epochs} epochs',
            run='train',
            config='mmmask::mst/dino_vit-small-p16_16xb64-coslr-100e_in1k.py',
            options={'train_cfg.max_epochs': epochs},
            gpus=16,
            nodes=2,
            hours=round(epochs * _epoch),
            demo=dict(
                config='mmmask::demo/dino_vit-demo_material-scenes.py', options=_smallest_teacher
            ),
        )
        for epochs in (100, 300, 800)
    },
    mst_swin=dict(
        title='MST, Swin-T, 100 epochs',
        run='train',
        config='mmmask::mst/mst_swin-tiny_16xb64-coslr-100e_in1k.py',
        gpus=16,
        nodes=2,
        hours=round(1.2 * 100 * _epoch * _swin),
        demo=dict(
            config='mmmask::demo/mst_swin-demo_material-scenes.py', options=_smallest_teacher
        ),
    ),
    dino_swin=dict(
        title='DINO, Swin-T, 100 epochs',
        run='train',
        config='mmmask::mst/dino_swin-tiny_16xb64-coslr-100e_in1k.py',
        gpus=16,
        nodes=2,
        hours=round(100 * _epoch * _swin),
        demo=dict(
            config='mmmask::demo/dino_vit-demo_material-scenes.py',
            options={**_smallest_teacher, 'model.backbone': _demo_masked_swin},
        ),
    ),
    mocov3_300=dict(
        title='MoCo v3, DeiT-S, 300 epochs',
        run='train',
        config='mmmask::mocov3/mocov3_vit-small-p16_16xb256-amp-coslr-300e_in1k.py',
        gpus=16,
        nodes=2,
        hours=40,  # two crops instead of ten: two thirds of DINO's
        demo=dict(config='mmmask::demo/mocov3_vit-demo_material-scenes.py', options=_smallest),
    ),
    knn=dict(_knn, title='k-NN', config='mmmask::frozen/knn_vit-small-p16_in1k.py'),
    knn_12_heads=dict(
        _knn,
        title='k-NN',
        config='mmmask::frozen/knn_vit-small-p16_in1k.py',
        options=_twelve_heads,
    ),
    knn_swin=dict(
        _knn,
        title='k-NN, Swin-T',
        config='mmmask::frozen/knn_swin-tiny_in1k.py',
        demo=dict(
            _demos['knn'],
            options={
                **_demos['knn']['options'],
                'model.backbone': _demo_masked_swin,
                'test_cfg.feature': 'gap',
            },
        ),
    ),
    linear=dict(
        _linear,
        title='linear classifier on the last CLS token',
        config='mmmask::frozen/linear-mst_vit-small-p16_in1k.py',
        demo=dict(_demos['linear'], options=_linear_demo),
    ),
    linear_12_heads=dict(
        _linear,
        title='linear classifier on the last CLS token',
        config='mmmask::frozen/linear-mst_vit-small-p16_in1k.py',
        options=_twelve_heads,
        demo=dict(_demos['linear'], options=_linear_demo),
    ),
    linear_dino=dict(
        _linear,
        title='linear classifier on the last four CLS tokens',
        config='mmmask::frozen/linear-dino_vit-small-p16_in1k.py',
    ),
    linear_swin=dict(
        _linear,
        title='linear classifier on the mean patch of a Swin-T',
        config='mmmask::frozen/linear_swin-tiny_in1k.py',
        hours=8,
        demo=dict(
            _demos['linear'],
            options={
                **_linear_demo,
                'model.backbone': dict(_demo_masked_swin, init_cfg=_init_cfg),
            },
        ),
    ),
    coco=dict(
        title='Mask R-CNN on COCO, 12 epochs',
        run='train',
        config='mmmask::transfer/mmdet/mask-rcnn_swin-tiny_8xb2-1x_coco.py',
        metrics={
            f'coco/{kind}_mAP{threshold}': dict(label=f'{name} AP{threshold}', scale=100)
            for kind, name in (('bbox', 'box'), ('segm', 'mask'))
            for threshold in ('', '_50', '_75')
        },
        gpus=8,
        hours=12,  # 12 x 7330 iterations of 0.45 s
        demo=dict(
            _demos['detection'],
            options={
                **_demos['detection']['options'],
                'model.backbone': dict(
                    _demo_swin,
                    type='mmpretrain.SwinTransformer',
                    out_indices=[2],
                    pad_small_map=True,
                    init_cfg=_init_cfg,
                ),
                'optim_wrapper.constructor': 'DefaultOptimWrapperConstructor',
                'optim_wrapper.paramwise_cfg': None,
            },
        ),
    ),
    # The paper doesn't say which of SETR's decoders: setr-pup_* and setr-mla_* are the others.
    cityscapes=dict(
        _cityscapes,
        title='SETR on Cityscapes, 40k iterations',
        config='mmmask::transfer/mmseg/setr-naive_vit-small-p16_8xb1-40k_cityscapes-768x768.py',
    ),
)

# What differs from MST of 100 epochs, in the paper's ablations.
_random = dict(_delete_=True, type='BernoulliMasker')
_no_masks = {
    'model.backbone.with_mask_token': False,
    'model.masker': None,
    'model.scorer': None,
}
_without_bn = {'model.neck.norm_cfg': None}
_bert = {'model.backbone.mask_style': 'bert'}
# Random masks of BERT's 0.15 (Eq. 3; the table names no probability); masked pixels are restored.
_bert_masked = {
    **_bert,
    'model.masker': dict(_random, ratio=0.15),
    'model.scorer': None,
    'model.restoration.target': 'masked',
}
_ablations = {
    # Table 4; 63.2 is also the first number of Table 5, whence p = 0.05
    'mask_none': ('no masks', _no_masks),
    'mask_random': (
        'random masks, p = 0.05',
        {'model.masker': dict(_random, ratio=0.05), 'model.scorer': None},
    ),
    # Table 5
    **{
        f'num{num}_p{p}': (
            f'num = {num}, p = {p}',
            {'model.masker.num': num, 'model.masker.token_prob': p},
        )
        for num in (1, 2, 4, 8)
        for p in (0.05, 0.1, 0.15)
        if (num, p) != (8, 0.1)  # the default
    },
    # Table 6; the decoder keeps its batch normalisation
    'no_bn': ('without BN', _without_bn),
    # Section 3.3: what its update rule avoids
    'all_views_bn': ('BN of all views together', {'model.bn_statistics': 'all'}),
    # Appendix, Table 4. Without DINO's loss the teacher follows the student and teaches nothing.
    'bert_masked_alone': (
        "BERT's masked modelling alone",
        {**_bert_masked, 'model.head.cls_weight': 0.0},
    ),
    'bert_masked': ("DINO and BERT's masked modelling", _bert_masked),
    'bert': ("BERT's replacement", _bert),
    # Appendix 9
    'mask_random_no_bn': (
        'random masks, p = 0.01, without BN',
        {**_without_bn, 'model.masker': dict(_random, ratio=0.01), 'model.scorer': None},
    ),
    'mask_none_no_bn': ('no masks, without BN', {**_without_bn, **_no_masks}),
    # Appendix 10
    **{
        f'restoration{weight}': (f'lambda_2 = {weight}', {'model.restoration.weight': weight})
        for weight in (0.2, 0.4, 0.8)
    },
}

# Papers that MST cites, whose numbers it prints.
_cited = {
    'SwAV': 'Caron et al., NeurIPS 2020 (MST [1])',
    'DINO': 'Caron et al., ICCV 2021 (MST [2])',
    'SimCLR': 'Chen et al., ICML 2020 (MST [4])',
    'MoCov2': 'Chen et al., arXiv 2003.04297 (MST [6])',
    'MoCov3': 'Chen et al., ICCV 2021 (MST [7])',
    'BYOL': 'Grill et al., NeurIPS 2020 (MST [13])',
    'Swin': 'Liu et al., ICCV 2021 (MST [20])',
    'DeiT': 'Touvron et al., ICML 2021 (MST [25])',
    'MoBY': 'Xie et al., arXiv 2105.04553 (MST [28])',
}
_given = {  # arm: method, what its checkpoint has seen
    'swav_300': ('SwAV', 'DeiT-S, 300 epochs'),
    'simclr_300': ('SimCLR', 'DeiT-S, 300 epochs'),
    'byol_300': ('BYOL', 'DeiT-S, 300 epochs'),
    'moby_300': ('MoBY', 'DeiT-S, 300 epochs'),
    'byol_800': ('BYOL', 'DeiT-S, 800 epochs'),
    'mocov2_800': ('MoCov2', 'DeiT-S, 800 epochs'),
    'swav_800': ('SwAV', 'DeiT-S, 800 epochs'),
    'moby_swin': ('MoBY', 'Swin-T, 100 epochs'),
    'supervised': ('DeiT', 'DeiT-S, 300 epochs'),
    'supervised_swin_100': ('Swin', 'Swin-T, 100 epochs'),
    'supervised_swin_300': ('Swin', 'Swin-T, 300 epochs'),
}

arms = dict(
    mst=dict(title='MST', protocol='mst_100'),
    mst_300=dict(title='MST, 300 epochs', protocol='mst_300'),
    mst_swin=dict(title='MST, Swin-T', protocol='mst_swin'),
    dino=dict(title='DINO', protocol='dino_100'),
    dino_300=dict(title='DINO, 300 epochs', protocol='dino_300'),
    dino_800=dict(title='DINO, 800 epochs', protocol='dino_800'),
    dino_swin=dict(title='DINO, Swin-T', protocol='dino_swin'),
    # Table 6: all views normalised together
    dino_bn=dict(
        title='DINO with BN',
        protocol='dino_100',
        options={'model.neck.norm_cfg': dict(type='SyncBN'), 'model.bn_statistics': 'all'},
    ),
    mocov3_300=dict(title='MoCo v3', protocol='mocov3_300'),
    **{
        name: dict(title=f'MST, {title}', protocol='mst_100', options=options)
        for name, (title, options) in _ablations.items()
    },
    **{
        name: dict(title=f'{method}, {what}', source=_cited[method])
        for name, (method, what) in _given.items()
    },
)
