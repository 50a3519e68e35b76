# GPA's Table 1.
_base_ = '../_base_/gpa.py'

title = 'GPA, Table 1: what GPA is used as'
tables = [
    dict(
        name='table1',
        title='Table 1: Ablation study on different roles of GPA. All cases are pre-trained 200 '
        'epochs on ImageNet with ViT-B.',
        heading=('Model', 'as teacher', 'as feature'),
        baseline='mae',
        columns=[
            dict(label='finetune acc (%)', metric='finetune'),
            dict(label='gain', metric='finetune'),
        ],
        rows=[
            dict(label=('MAE', '-', '-'), arm=['mae', None], published=[82.23, None]),
            dict(
                label=('GPA', '✓', '-'),
                arm='as_teacher',
                minus=[None, 'mae'],
                published=[82.73, 0.50],
            ),
            dict(label=('GPA', '✓', '✓'), arm='gpa', minus=[None, 'mae'], published=[83.22, 0.99]),
        ],
    )
]
