# ccMIM, Table 2. BEiT's, CAE's and ConMIM's ViTs have relative positions, which the detectors of
# plain ViTs don't: their rows are published numbers.
#     mmmask suite mmmask::suites/ccmim/table2.py --work-dir work_dirs/ccmim
_base_ = '../_base_/ccmim.py'

title = 'ccMIM, Table 2'
description = 'A detector on COCO that starts from a ViT.'

_small, _large = ('ViT-S/16', '22M'), ('ViT-B/16', '86M')
_twelve = 'coco_small_12_heads'  # MoCo v3's ViT-S
# Backbone, protocol, method, epochs, numbers, arm.
_rows = [
    (_small, 'coco_small', 'DeiT', 300, [43.1, 65.2, 46.6, 38.4, 61.8, 40.6], 'deit_small'),
    (_small, _twelve, 'MoCo V3', 300, [43.3, 64.9, 46.8, 38.8, 61.6, 41.1], 'mocov3_small'),
    (_small, '', 'BEiT', 300, [35.6, 56.7, 38.3, 32.6, 53.3, 34.2], None),
    (_small, '', 'CAE', 300, [44.1, 64.6, 48.2, 39.2, 61.4, 42.2], None),
    (
        _small,
        'coco_small',
        'ccMIM (Ours)',
        300,
        [44.3, 64.9, 48.3, 39.5, 61.4, 42.4],
        'ccmim_small',
    ),
    (_large, 'coco', 'DeiT', 300, [46.9, 68.9, 51.0, 41.5, 65.5, 44.4], 'deit'),
    (_large, 'coco', 'MoCo V3', 300, [45.5, 67.1, 49.4, 40.5, 63.7, 43.4], 'mocov3_300'),
    (_large, 'coco', 'DINO', 300, [46.8, 68.6, 50.9, 41.5, 65.3, 44.5], 'dino_300'),
    (_large, '', 'BEiT', 300, [39.5, 60.6, 43.0, 35.9, 57.7, 38.5], None),
    (_large, '', 'BEiT', 800, [42.1, 63.3, 46.0, 37.8, 60.1, 40.6], None),
    (_large, 'coco', 'MAE', 300, [45.4, 66.4, 49.6, 40.6, 63.4, 43.7], 'mae_300'),
    (_large, 'coco', 'MAE', 1600, [48.4, 69.4, 53.1, 42.6, 66.1, 45.9], 'mae_1600'),
    (_large, '', 'ConMIM', 800, [48.7, None, None, 43.6, None, None], None),
    (_large, '', 'CAE', 300, [48.4, 69.2, 52.9, 42.6, 66.1, 45.8], None),
    (_large, '', 'CAE', 800, [49.8, 70.7, 54.6, 43.9, 67.8, 47.4], None),
    (_large, 'coco', 'ccMIM (Ours)', 300, [49.1, 69.8, 53.3, 43.1, 66.4, 46.2], 'ccmim_300'),
    (_large, 'coco', 'ccMIM (Ours)', 800, [50.3, 71.2, 55.0, 44.5, 68.4, 47.9], 'ccmim_800'),
]
_metrics = [
    f'coco/{kind}_mAP{threshold}' for kind in ('bbox', 'segm') for threshold in ('', '_50', '_75')
]
tables = [
    dict(
        name='table2',
        title='Table 2: Object detection and instance segmentation on MS-COCO',
        note="Mask R-CNN with the 1x schedule. 'Epoch' refers to the number of pretraining epochs "
        "on ImageNet-1K. 'SSL?' means whether self-supervised pre-training is used",
        heading=('Method', 'Backbone', 'Epoch', '#Param.', 'SSL?'),
        columns=[
            dict(label=f'AP{threshold} {kind}', group=group)
            for kind, group in (('bb', 'Detection'), ('mk', 'Segmentation'))
            for threshold in ('', '₅₀', '₇₅')
        ],
        rows=[
            dict(
                label=(method, backbone, epochs, parameters, '×' if method == 'DeiT' else '✓'),
                arm=arm,
                metric=[f'{protocol}:{metric}' for metric in _metrics] if arm else None,
                published=numbers,
                source='' if arm else _base_._cited[method],
            )
            for (backbone, parameters), protocol, method, epochs, numbers, arm in _rows
        ],
    )
]
