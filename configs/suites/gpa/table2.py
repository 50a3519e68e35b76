# GPA's Table 2.
_base_ = '../_base_/gpa.py'

title = 'GPA, Table 2: downstream tasks'
_gain = [None, 'mae'] * 3
tables = [
    dict(
        name='table2',
        title='Table 2: Ablation study on downstream tasks. All cases are pre-trained 200 epochs '
        'on ImageNet with ViT-B.',
        heading=('Model', 'as teac', 'as feat'),
        baseline='mae',
        columns=[
            dict(label='AP_box', group='COCO', metric='detection'),
            dict(label='gain', group='COCO', metric='detection'),
            dict(label='AP_mask', group='COCO', metric='detection:coco/segm_mAP'),
            dict(label='gain', group='COCO', metric='detection:coco/segm_mAP'),
            dict(label='mIoU', group='ADE20k', metric='segmentation_80k'),
            dict(label='gain', group='ADE20k', metric='segmentation_80k'),
        ],
        rows=[
            dict(
                label=('MAE', '-', '-'),
                arm=['mae', None] * 3,
                published=[33.0, None, 29.8, None, 40.5, None],
            ),
            dict(
                label=('GPA', '✓', '-'),
                arm='as_teacher',
                minus=_gain,
                published=[33.3, 0.3, 30.1, 0.3, 41.6, 1.1],
            ),
            dict(
                label=('GPA', '✓', '✓'),
                arm='gpa',
                minus=_gain,
                published=[34.5, 1.5, 31.1, 1.3, 44.3, 3.8],
            ),
        ],
    )
]
