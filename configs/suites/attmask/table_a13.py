# AttMask, Table A13: the whole of ImageNet-1k, 300 epochs.
#     mmmask suite mmmask::suites/attmask/table_a13.py --work-dir work_dirs/attmask \
#         [--set simclr=FILE byol=FILE moby=FILE]
_base_ = '../_base_/attmask.py'

title = 'AttMask, Table A13'
_not_printed = [None] * 4
tables = [
    dict(
        name='table_a13',
        title='Table A13. Top-1 accuracy on ImageNet validation set. (a) k-NN and linear probing '
        'using the full ImageNet training set; (b) k-NN using only ν ∈ {1, 5, 10, 20} examples per '
        'class. Pre-training on 100% ImageNet-1k for 300 epochs.',
        heading='Method',
        baseline='ibot_300e',
        columns=_base_._in1k,
        rows=[
            *(
                dict(
                    label=label,
                    arm=arm,
                    published=[*published, *_not_printed],
                    source=f'MST, Table 1{epochs}',
                )
                for label, arm, published, epochs in (
                    ('SimCLR [9]', 'simclr', [None, 69.0], ''),
                    ('BYOL [23]', 'byol', [66.6, 71.4], ' (800 epochs)'),
                    ('MoBY [71]', 'moby', [None, 72.8], ''),
                )
            ),
            dict(
                label='DINO [8]',
                arm='dino_300e',
                published=[72.8, 76.1, *_not_printed],
                source='Caron et al., ICCV 2021',
            ),
            dict(
                label='MST [38]',
                arm='mst_300e',
                published=[75.0, 76.9, *_not_printed],
                source='MST, Table 1',
            ),
            dict(
                label='iBOT [78]', arm='ibot_300e', published=[74.6, 77.4, 38.9, 54.1, 58.5, 61.9]
            ),
            dict(
                label='iBOT+AttMask (Ours)',
                arm='attmask_300e',
                published=[75.0, 77.5, 40.4, 55.5, 59.9, 63.1],
            ),
        ],
    )
]
