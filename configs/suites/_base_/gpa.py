# What the suites of GPA's tables share: how arms are pre-trained and how they are measured. A suite
# states its table; protocols and arms that no table of it names stay out of it.
#
# GPA's teacher is "the pre-trained ViT-B/16 model from MAE" (Figure 2). The file that MAE's authors
# publish is of 1600 epochs, so the arm `teacher` is MAE's of 1600 epochs:
#     --set teacher=mae_pretrain_vit_base.pth
# takes theirs and saves the longest pre-training.
#
# Hours are rough, of V100s in float32: 9.3e12 operations a second, as ViT-S/16 has by MST's Table 1
# (1007 images a second, 9.2e9 operations each). `mmmask time-step CONFIG --flops` counts a step's
# operations. Later GPUs with --amp are several times faster. GPA itself had two RTX 3090.
_base_ = 'demo.py'

_images = 1_281_167  # of ImageNet-1k
_rate = 9.3e12 * 3600  # operations of a GPU in an hour
_as_teacher_only = {'model.attention_decoder': None, 'model.attention_head': None}

# The scores of a frozen network at the demo's size, and soft-to-hard masks of them.
_demo_network = dict(
    arch=dict(embed_dims=64, num_layers=3, num_heads=2, feedforward_channels=256),
    img_size=32,
    patch_size=8,
)
_demo_scorer = dict(
    type='FrozenScorer',
    backbone=dict(
        type='VisionTransformer',
        out_type='raw',
        init_cfg=dict(type='Pretrained', checkpoint='SET-ME', source='auto'),
        **_demo_network,
    ),
    attention=dict(type='ReceivedAttentionTap'),
)
_demo_progress = dict(
    path='model.masker.progress', by='epoch', schedule=dict(type='ProgressSchedule')
)
_demo_convmae = dict(
    _delete_=True,
    type='MaskedConvMAE',
    arch=dict(embed_dims=(16, 32, 64), depths=(1, 1, 2), num_heads=2),
    img_size=32,
    strides=(2, 2, 2),
)

# -- Pre-trainings --------------------------------------------------------------------------------

_cost = {
    'cost/gflops': dict(label='operations of a step, 1e9 per image', digits=3),
    'cost/parameters': dict(label='trained parameters, 1e6', digits=3),
}
_mae = '_vit-base-p16_8xb512-coslr-{}e_in1k'
# Protocol -> title, config, epochs, operations of a step per image (1e9), config of the demo,
# further options of the demo.
_pretrainings = {
    'mae': ('MAE', f'mae/mae{_mae}', 200, 58, 'mae_vit', {}),
    'mae_800': ('MAE, 800 epochs', f'mae/mae{_mae}', 800, 58, 'mae_vit', {}),
    'mae_1600': ('MAE, 1600 epochs', f'mae/mae{_mae}', 1600, 58, 'mae_vit', {}),
    'gpa_teacher': (
        'GPA as a teacher',
        f'gpa/gpa-teacher{_mae}',
        200,
        88,
        'gpa-frozen_vit',
        _as_teacher_only,
    ),
    'gpa': ('GPA', f'gpa/gpa{_mae}', 200, 92, 'gpa-frozen_vit', {}),
    'gpa_300': ('GPA, 300 epochs', f'gpa/gpa{_mae}', 300, 92, 'gpa-frozen_vit', {}),
    'gpa_800': ('GPA, 800 epochs', f'gpa/gpa{_mae}', 800, 92, 'gpa-frozen_vit', {}),
    'convmae': (
        'ConvMAE-S',
        'convmae/convmae_conv-small_8xb512-coslr-{}e_in1k',
        200,
        64,
        'convmae_conv',
        {},
    ),
    'gpa_convmae': (
        'GPA as a teacher on ConvMAE-S',
        'gpa/gpa-teacher_conv-small_8xb512-coslr-{}e_in1k',
        200,
        93,
        'gpa-frozen_vit',
        {**_as_teacher_only, 'model.backbone': _demo_convmae},
    ),
    # Without the tokenizer: about 80 with it.
    'cae': ('CAE-S', 'cae/cae_vit-small-p16_8xb256-amp-coslr-{}e_in1k', 50, 80, 'cae_vit', {}),
    'gpa_cae': (
        'GPA as a teacher on CAE-S',
        'gpa/gpa-teacher-cae_vit-small-p16_8xb256-amp-coslr-{}e_in1k',
        50,
        110,
        'gpa-cae_vit',
        {'model.scorer': dict(_delete_=True, **_demo_scorer)},
    ),
    'ibot': (
        'iBOT-B',
        'ibot/ibot_vit-base-p16_8xb30-coslr-{}e_in1k',
        100,
        483,
        'ibot_vit',
        _base_._smallest_teacher,
    ),
    'gpa_ibot': (
        'GPA as a teacher on iBOT-B',
        'gpa/gpa-ibot_vit-base-p16_8xb30-coslr-{}e_in1k',
        100,
        541,
        'ibot_vit',
        {
            **_base_._smallest_teacher,
            'model.masker': dict(
                _delete_=True,
                type='SoftToHardMasker',
                ratio=(0.1, 0.5),
                soft=(0.5, 0.0),
                hard=(0.0, 0.5),
                per='image',
                prob=0.5,
            ),
            'model.scorer': _demo_scorer,
            'default_hooks.schedule.schedules.progress': _demo_progress,
        },
    ),
}
protocols = {
    name: dict(
        title=title,
        run='train',
        config=f'mmmask::{config.format(epochs)}.py',
        gpus=8,
        hours=round(epochs * _images * operations * 1e9 / (8 * _rate)),
        metrics=_cost if '8xb512' in config else {},
        demo=dict(
            config=f'mmmask::demo/{demo}-demo_material-scenes.py',
            options={**_base_._smallest, **options},
        ),
    )
    for name, (title, config, epochs, operations, demo, options) in _pretrainings.items()
}
# MoCo v3's ViT-B is its ViT-S made wider; upstream has no other difference, either. Two views pass
# a network of 35e9 operations with gradients and another without: 281e9.
protocols['mocov3'] = dict(
    title='MoCo v3',
    run='train',
    config='mmmask::mocov3/mocov3_vit-small-p16_16xb256-amp-coslr-300e_in1k.py',
    options={'model.backbone.arch': 'base', 'model.neck.in_channels': 768},
    gpus=16,
    nodes=2,
    hours=round(300 * _images * 281e9 / (16 * _rate)),
    demo=dict(config='mmmask::demo/mocov3_vit-demo_material-scenes.py', options=_base_._smallest),
)

# -- Evaluations ----------------------------------------------------------------------------------

_top1 = {'accuracy/top1': dict(label='top-1, %', digits=2)}
_finetune = dict(
    title='fine-tuning, 100 epochs',
    run='train',
    gpus=8,
    # Three forward passes of 35e9 operations.
    hours=round(100 * _images * 105e9 / (8 * _rate)),
    metrics=_top1,
)
_segmentation = dict(title='UperNet on ADE20K', run='train', gpus=8, metrics={'mIoU': 'mIoU'})
_vit_base = {'model.backbone.arch': 'base'}
_cae_s = dict(embed_dims=384, num_layers=12, num_heads=12, feedforward_channels=1536)
_cae = dict(_delete_=True, type='CAEPretrainViT', layer_scale_init_value=0.1, bias='qv_bias')
_knn = dict(
    title='k-NN',
    run='test',
    config='mmmask::frozen/knn_vit-small-p16_in1k.py',
    hours=2,  # 1.33 M images, 35e9 operations each
    metrics={'knn/top1_k20': 'top-1, % (k = 20)'},
)
_conv_init = dict(
    type='Pretrained',
    checkpoint='SET-ME',
    source='auto',
    allow=dict(unexpected=['fusions.*']),
)
protocols.update(
    finetune=dict(
        **_finetune,
        config='mmmask::transfer/mmpretrain/finetune-gpa_vit-base-p16_8xb128-coslr-100e_in1k.py',
        demo=_base_._demos.finetuning,
    ),
    finetune_convmae=dict(
        **_finetune,
        config='mmmask::transfer/mmpretrain/finetune-gpa_conv-small_8xb128-coslr-100e_in1k.py',
        demo=dict(
            config=_base_._demos.finetuning.config,
            options={
                **_base_._demos.finetuning.options,
                'model.backbone': dict(
                    **_demo_convmae, fuse=False, out_type='avg_featmap', init_cfg=_conv_init
                ),
            },
        ),
    ),
    linear=dict(
        title='linear probe',
        run='train',
        config='mmmask::frozen/linear-mae_vit-small-p16_in1k.py',
        options=_vit_base,
        gpus=8,
        hours=round(90 * _images * 35e9 / (8 * _rate)),
        metrics={'linear/top1': 'top-1, %'},
        demo=_base_._demos.linear_mae,
    ),
    # Mask R-CNN passes 12 x 118,000 images of 1024 x 1024, about 4.1e12 operations a step.
    detection=dict(
        title='Mask R-CNN on COCO, 1x',
        run='train',
        config='mmmask::transfer/mmdet/mask-rcnn-windowed-fpn_vit-base-p16_32xb2-1x_coco-1024px.py',
        gpus=32,
        nodes=4,
        hours=6,
        metrics={
            'coco/bbox_mAP': dict(label='box AP', scale=100),
            'coco/segm_mAP': dict(label='mask AP', scale=100),
        },
        demo=_base_._demos.detection,
    ),
    # UperNet passes 16 images of 512 x 512 an iteration, about 3.4e12 operations each.
    segmentation_80k=dict(
        **_segmentation,
        config='mmmask::transfer/mmseg/upernet-gpa_vit-base-p16_8xb2-80k_ade20k-512x512.py',
        hours=16,
        demo=_base_._demos.segmentation,
    ),
    segmentation_160k=dict(
        **_segmentation,
        config='mmmask::transfer/mmseg/upernet-gpa_vit-base-p16_8xb2-160k_ade20k-512x512.py',
        hours=32,
        demo=_base_._demos.segmentation,
    ),
    knn_ibot=dict(**_knn, options=_vit_base, demo=_base_._demos.knn),
    knn_cae=dict(
        **_knn,
        options={'model.backbone': dict(**_cae, arch=_cae_s, patch_size=16)},
        demo=dict(
            config=_base_._demos.knn.config,
            options={
                **_base_._demos.knn.options,
                'model.backbone': dict(**_cae, **_demo_network),
            },
        ),
    ),
)

# -- Arms -----------------------------------------------------------------------------------------

arms = {
    'mae': dict(title='MAE', protocol='mae'),
    'mae_800': dict(title='MAE, 800 epochs', protocol='mae_800'),
    'teacher': dict(title="GPA's frozen teacher (MAE, 1600 epochs)", protocol='mae_1600'),
    'convmae': dict(title='ConvMAE-S', protocol='convmae'),
    'cae': dict(title='CAE-S', protocol='cae'),
    'ibot': dict(title='iBOT-B', protocol='ibot'),
    'mocov3': dict(title='MoCo v3', protocol='mocov3'),
    'as_teacher': dict(title='GPA as a teacher', protocol='gpa_teacher'),
    'gpa': dict(title='GPA', protocol='gpa'),
    'gpa_300': dict(title='GPA, 300 epochs', protocol='gpa_300'),
    'gpa_800': dict(title='GPA, 800 epochs', protocol='gpa_800'),
    'gpa_convmae': dict(title='GPA as a teacher on ConvMAE-S', protocol='gpa_convmae'),
    'gpa_cae': dict(title='GPA as a teacher on CAE-S', protocol='gpa_cae'),
    'gpa_ibot': dict(title='GPA as a teacher on iBOT-B', protocol='gpa_ibot'),
}
# Tables 3 and 4: the ratio of masked patches, and the shares of soft or hard ones in the first and
# the last epoch, in the tables' order. Without attention decoders: "we only use RGB features".
_default = dict(soft=(0.5, 0.0), hard=(0.0, 0.5))
_shares = dict(
    soft=((0.0, 0.0), (0.5, 0.0), (1.0, 0.0), (1.0, 1.0)),
    hard=((0.0, 0.0), (0.0, 0.5), (0.0, 1.0), (1.0, 1.0)),
)
_at_all_ratios = dict(soft=(0, 1, 3), hard=(0, 1, 2))
_masks = {
    _kind: [
        dict(
            ratio=_ratio,
            shares=_share,
            arm='as_teacher'
            if (_ratio, _share) == (0.75, _default[_kind])
            else f'ratio{_ratio}'
            if _share == _default[_kind]
            else 'ratio{}_{}{:g}to{:g}'.format(_ratio, _kind, *_share),
        )
        for _ratio in (0.75, 0.5, 0.9)
        for _number, _share in enumerate(_shares[_kind])
        if _ratio == 0.75 or _number in _at_all_ratios[_kind]
    ]
    for _kind in ('soft', 'hard')
}
for _kind in _masks:
    for _mask in _masks[_kind]:
        if _mask['arm'] not in arms:
            arms[_mask['arm']] = dict(
                title='{} masked, {} {:g} to {:g}'.format(_mask['ratio'], _kind, *_mask['shares']),
                protocol='gpa_teacher',
                options={
                    'model.masker.ratio': _mask['ratio'],
                    f'model.masker.{_kind}': _mask['shares'],
                },
            )
# Table 5: block and head of the teacher, counted from 0. Few shots choose head 11 of block 9, the
# default.
for _block, _head in ((0, 0), (11, 11), (11, 'sum'), (10, 10)):
    arms[f'block{_block}_head{_head}'] = dict(
        title=f'block {_block}, head {_head}',
        protocol='gpa_teacher',
        options={'model.scorer.attention.block': _block, 'model.scorer.attention.head': _head},
        demo=dict(
            options={  # of 3 blocks with 2 heads
                'model.scorer.attention.block': _block // 5,
                'model.scorer.attention.head': _head if _head == 'sum' else _head // 6,
            }
        ),
    )
# Without a number in the paper. Table 9 counts 1.1 x MAE's operations for GPA. At 224 px a ViT-B's
# forward alone makes it 1.5 x (docs/methods.md): a smaller teacher's image, or decoders that take
# turns, come near.
_turns = {'model.combine': 'alternate', 'find_unused_parameters': True}  # one decoder is idle
arms.update(
    feature=dict(
        title='as a feature alone',
        protocol='gpa',
        options={
            'model.masker': dict(_delete_=True, type='RandomMasker', ratio=0.75),
            'default_hooks.schedule.schedules.progress': None,
        },
    ),
    raw_scores=dict(
        title='the decoder predicts raw scores (Eq. 7)',
        protocol='gpa',
        options={'model.attention_head.standardise': False},
    ),
    alternate=dict(title='the decoders take turns (Section 3.3)', protocol='gpa', options=_turns),
    alternate_176px=dict(
        title='the decoders take turns, the teacher sees 176 px',
        protocol='gpa',
        options={**_turns, 'model.scorer.size': 176},
        demo=dict(options={**_turns, 'model.scorer.size': 24}),
    ),
    as_teacher_96px=dict(
        title='as a teacher that sees 96 px',
        protocol='gpa_teacher',
        options={'model.scorer.size': 96},
        demo=dict(options={'model.scorer.size': 16}),
    ),
    online=dict(
        title="as a teacher, by the encoder's own attention",
        protocol='gpa_teacher',
        options={
            'model.scorer': dict(
                _delete_=True,
                type='OnlineScorer',
                attention=dict(type='ReceivedAttentionTap', block=-1, head=-1),
            )
        },
    ),
)
for _name, _arm in arms.items():
    if _arm['protocol'].startswith('gpa') and _name != 'online':
        _arm['weights'] = {'model.scorer.backbone.init_cfg': 'teacher'}

# ViT-B/16 of others: their numbers, or --set ARM=FILE.
_others = {
    'hpm': ('HPM', 'Wang et al. 2023 (HPM, CVPR), 200 epochs'),
    'hpm_800': ('HPM, 800 epochs', 'Wang et al. 2023 (HPM, CVPR), 800 epochs'),
    'amt': ('AMT', 'Liu et al. 2023 (AMT, AAAI), 400 epochs'),
    'semmae': ('SemMAE', 'Li et al. 2022 (SemMAE, NeurIPS), 800 epochs'),
    'automae': ('AutoMAE', 'Chen et al. 2023 (AutoMAE, arXiv 2303.06583), 800 epochs'),
    'milan': ('MILAN', 'Hou et al. 2022 (MILAN, arXiv 2208.06049), 400 epochs'),
}
arms.update(
    {_name: dict(title=_title, source=_source) for _name, (_title, _source) in _others.items()}
)
