# AttMask, Table A15: the weight of the patch loss.
#     mmmask suite mmmask::suites/attmask/table_a15.py --work-dir work_dirs/attmask
_base_ = '../_base_/attmask.py'

title = 'AttMask, Table A15'
_weights = {0.0: '_lambda0', 0.5: '_lambda0.5', 1.0: '', 2.0: '_lambda2'}
_ibot, _attmask = ([f'{arm}{name}' for name in _weights.values()] for arm in ('block', 'high'))
tables = [
    dict(
        name='table_a15',
        title='Table A15. k-NN top-1 accuracy on ImageNet-1k validation vs. MIM Loss Weight λ, '
        'while the weight of DINO loss is fixed to 1. Pre-training on 20% of ImageNet-1k for 100 '
        'epochs.',
        heading='MIM loss weight λ',
        metric='knn',
        columns=[dict(label=weight) for weight in _weights],
        rows=[
            dict(label='iBOT', arm=_ibot, published=[43.4, 46.5, 46.7, 41.9]),
            dict(label='iBOT+AttMask', arm=_attmask, published=[43.5, 47.3, 49.7, 48.3]),
            dict(label='Gain', arm=_attmask, minus=_ibot, published=[0.1, 0.8, 3.0, 6.4]),
        ],
    )
]
figures = [dict(type='sweep', table='table_a15', x_label='λ')]
