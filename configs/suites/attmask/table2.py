# AttMask, Table 2: how many images are pre-trained on.
#     mmmask suite mmmask::suites/attmask/table2.py --work-dir work_dirs/attmask
_base_ = '../_base_/attmask.py'

title = 'AttMask, Table 2'
tables = [
    dict(
        name='table2',
        title='Table 2. Top-1 k-NN accuracy on ImageNet-1k validation for iBOT pre-training on '
        'different percentage (%) of ImageNet-1k.',
        note=_base_._blocks_of_beit,
        heading='% ImageNet-1k',
        metric='knn',
        columns=[dict(label=share) for share in (5, 10, 20, 100)],
        rows=[
            dict(
                label='Random Block-Wise†',
                arm=['block_5pct', 'block_10pct', 'block', 'ibot'],
                published=[15.7, 31.9, 46.7, 71.5],
            ),
            dict(
                label='AttMask-High (ours)',
                arm=['high_5pct', 'high_10pct', 'high', 'attmask'],
                published=[17.5, 33.8, 49.7, 72.5],
            ),
        ],
    )
]
figures = [dict(type='sweep', table='table2', x_label='% ImageNet-1k', log=True)]
