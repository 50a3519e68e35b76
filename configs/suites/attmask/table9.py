# AttMask, Table 9: layer of the attention, probability of masks, mask ratio.
#     mmmask suite mmmask::suites/attmask/table9.py --work-dir work_dirs/attmask
_base_ = '../_base_/attmask.py'

title = 'AttMask, Table 9'
_layer, _prob, _ratio = '(a) Layer', '(b) Masking prob p', '(c) Mask ratio r (%)'
tables = [
    dict(
        name='table9',
        title='Table 9. AttMask k-NN top-1 accuracy on ImageNet-1k validation for iBOT '
        'pre-training on 20% of ImageNet-1k vs. (a) layer from which the attention map (7) is '
        'generated; (b) masking probability p (using batch size 180); and (c) mask ratio r.',
        metric='knn',
        columns=[
            *(dict(label=layer, group=_layer, arm=f'layer{layer}') for layer in _base_._layers),
            dict(label=12, group=_layer, arm='high'),
            *(
                dict(label=f'{p:.2f}' if 0 < p < 1 else p, group=_prob, arm=f'prob{p}')
                for p in _base_._probabilities
            ),
            *(
                dict(label=name, group=_ratio, arm=f'high_ratio{name}' if ratio else 'high')
                for name, ratio in _base_._ratios.items()
            ),
        ],
        rows=[
            dict(
                label='k-NN',
                published=[
                    *(48.1, 48.1, 49.8, 49.7),
                    *(43.4, 47.3, 49.4, 49.4, 44.2),
                    *(49.5, 49.7, 48.5, 49.1),
                ],
            )
        ],
    )
]
figures = [
    dict(type='sweep', table='table9', group=group, title=f'Table 9 {group}')
    for group in (_layer, _prob, _ratio)
]
