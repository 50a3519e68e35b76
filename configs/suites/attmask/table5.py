# AttMask, Table 5: the whole of ImageNet-1k, 100 epochs.
#     mmmask suite mmmask::suites/attmask/table5.py --work-dir work_dirs/attmask
_base_ = '../_base_/attmask.py'

title = 'AttMask, Table 5'
tables = [
    dict(
        name='table5',
        title='Table 5. Top-1 accuracy on ImageNet validation set. (a) k-NN and linear probing '
        'using the full ImageNet training set; (b) k-NN using only ν ∈ {1, 5, 10, 20} examples per '
        'class. Pre-training on 100% ImageNet-1k for 100 epochs.',
        heading='Method',
        baseline='ibot',
        columns=_base_._in1k,
        rows=[
            dict(
                label='DINO [8]',
                arm='dino',
                published=[70.9, 74.6, None, None, None, None],
                source='Caron et al., ICCV 2021',
            ),
            dict(
                label='MST [38]',
                arm='mst',
                published=[72.1, 75.0, None, None, None, None],
                source='MST, Table 1',
            ),
            dict(label='iBOT [78]', arm='ibot', published=[71.5, 74.4, 32.9, 47.6, 52.5, 56.4]),
            dict(
                label='iBOT+AttMask-High',
                arm='attmask',
                published=[72.5, 75.7, 37.1, 51.3, 55.7, 59.1],
            ),
            dict(
                label='iBOT+AttMask-Hint',
                arm='attmask_hint',
                published=[72.8, 76.1, 37.6, 52.2, 56.4, 59.6],
            ),
        ],
    )
]
