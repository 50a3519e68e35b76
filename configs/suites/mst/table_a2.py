# MST, Appendix, Table 2.
#     mmmask suite mmmask::suites/mst/table_a2.py --work-dir work_dirs/mst
_base_ = '../_base_/mst.py'

title = 'MST, Appendix, Table 2'
description = 'Two ways of linear probing after 100 epochs.'

tables = [
    dict(
        name='table_a2',
        title='Table 2: Comparison of different strategies of linear probing',
        note='† adopts the linear probing of DINO. Top-1 accuracy on the ImageNet validation set, '
        'DeiT-S pre-trained for 100 epochs.',
        heading=('Method', 'Architecture', 'epoch'),
        columns=[dict(label='Linear Top-1 (%)'), dict(label='k-NN Top-1 (%)', metric='knn')],
        rows=[
            dict(
                label=(method, 'DeiT-S', 100),
                arm='mst',
                metric=[linear, None],
                published=numbers,
            )
            for method, linear, numbers in (
                ('Ours†', 'linear_dino', [75.0, 72.1]),
                ('Ours', 'linear', [73.9, 72.1]),
            )
        ],
    )
]
