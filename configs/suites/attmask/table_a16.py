# AttMask, Table A16: masking strategy and mask ratio.
#     mmmask suite mmmask::suites/attmask/table_a16.py --work-dir work_dirs/attmask
_base_ = '../_base_/attmask.py'

title = 'AttMask, Table A16'
_published = dict(
    block=[46.5, 46.7, 47.1, 46.9],
    random=[47.6, 47.8, 47.8, 48.2],
    high=[49.5, 49.7, 48.5, 49.1],
)
tables = [
    dict(
        name='table_a16',
        title='Table A16. AttMask-High vs. random masking strategies: k-NN top-1 accuracy on '
        'ImageNet-1k validation for iBOT pre-training on 20% of ImageNet-1k for different mask '
        'ratio r.',
        note='Random Block-Wise at 10-50: default iBOT masking strategy from BEiT [2].',
        heading='Mask ratio r (%)',
        metric='knn',
        columns=[dict(label=name) for name in _base_._ratios],
        rows=[
            dict(
                label=_base_._strategies[arm],
                arm=[
                    f'{arm}_ratio{name}' if ratio else arm for name, ratio in _base_._ratios.items()
                ],
                published=published,
            )
            for arm, published in _published.items()
        ],
    )
]
figures = [dict(type='sweep', table='table_a16', x_label='r (%)')]
