# MST, Table 6. The baseline's batch norms take all views together; "ours" follow Section 3.3.
#     mmmask suite mmmask::suites/mst/table6.py --work-dir work_dirs/mst
_base_ = '../_base_/mst.py'

title = 'MST, Table 6'
description = 'Batch normalisation in the projection head, by a linear classifier after 100 epochs.'

tables = [
    dict(
        name='table6',
        title='Table 6: Impact of Batch Normalization',
        metric='linear',
        columns=[dict(label='w/o BN'), dict(label='w/ BN')],
        rows=[
            dict(label='Baseline', arm=['dino', 'dino_bn'], published=[72.4, 71.6]),
            dict(label='Ours', arm=['no_bn', 'mst'], published=[73.1, 73.9]),
        ],
    )
]
