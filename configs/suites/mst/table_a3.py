# MST, Appendix, Table 3.
#     mmmask suite mmmask::suites/mst/table_a3.py --work-dir work_dirs/mst
_base_ = '../_base_/mst.py'

title = 'MST, Appendix, Table 3'
description = 'Three times as long a pre-training, by both ways of linear probing and by k-NN.'

tables = [
    dict(
        name='table_a3',
        title='Table 3: Impact of longer training',
        note='† adopts the linear probing of DINO.',
        heading=('Method', 'Architecture', 'epoch'),
        columns=[dict(label='Linear (%)'), dict(label='k-NN (%)', metric='knn')],
        rows=[
            dict(
                label=(method, 'DeiT-S', epochs),
                arm=arm,
                metric=[linear, None],
                published=numbers,
            )
            for method, epochs, arm, linear, numbers in (
                ('Ours', 100, 'mst', 'linear', [73.9, 72.1]),
                ('Ours', 300, 'mst_300', 'linear', [76.3, 75.0]),
                ('Ours†', 100, 'mst', 'linear_dino', [75.0, 72.1]),
                ('Ours†', 300, 'mst_300', 'linear_dino', [76.9, 75.0]),
            )
        ],
    )
]
