# MST, Table 2.
#     mmmask suite mmmask::suites/mst/table2.py --work-dir work_dirs/mst
_base_ = '../_base_/mst.py'

title = 'MST, Table 2'
description = 'A detector on COCO that starts from a Swin-T.'

_cited = _base_._cited
_rows = [
    ('Supervised', 300, 'supervised_swin_300', [43.7, 66.6, 47.7, 39.8, 63.3, 42.7], ''),
    ('Supervised', 100, 'supervised_swin_100', [41.6, 64.6, 45.4, 38.4, 61.5, 41.0], ''),
    ('MoBY [28]', 100, 'moby_swin', [41.5, 64.1, 45.2, 38.3, 61.0, 40.8], _cited['MoBY']),
    ('DINO [2]', 100, 'dino_swin', [42.2, 64.6, 46.3, 38.7, 61.5, 41.3], ''),
    ('Ours', 100, 'mst_swin', [42.7, 65.1, 46.7, 38.8, 61.8, 42.5], ''),
]
tables = [
    dict(
        name='table2',
        title='Table 2: Results of object detection and instance segmentation fine-tuned on MS '
        'COCO',
        heading=('Method', 'Backbone', 'Epoch'),
        baseline='dino_swin',
        columns=[
            dict(
                label=f'AP{label} {kind}',
                group=f'{group} AP',
                metric=f'coco:coco/{name}_mAP{threshold}',
            )
            for kind, group, name in (('bbox', 'box', 'bbox'), ('mask', 'mask', 'segm'))
            for threshold, label in (('', ''), ('_50', '₅₀'), ('_75', '₇₅'))
        ],
        rows=[
            dict(label=(method, 'Swin-T [20]', epochs), arm=arm, published=numbers, source=source)
            for method, epochs, arm, numbers, source in _rows
        ],
    )
]
