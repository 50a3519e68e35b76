# AttMask, Table 3: what DINO masks.
#     mmmask suite mmmask::suites/attmask/table3.py --work-dir work_dirs/attmask
_base_ = '../_base_/attmask.py'

title = 'AttMask, Table 3'
tables = [
    dict(
        name='table3',
        title='Table 3. Top-1 k-NN accuracy on ImageNet-1k validation for DINO [8] pre-training on '
        '20% of the ImageNet-1k training set using mask ratio of 10-50%.',
        note='†: default DINO.',
        baseline='dino_20pct',
        columns=[
            dict(label='No Masking†', arm='dino_20pct'),
            dict(label='Random', arm='dino_random'),
            dict(label='AttMask-Low', arm='dino_low'),
            dict(label='AttMask-Hint', arm='dino_hint'),
            dict(label='AttMask-High', arm='dino_high'),
        ],
        rows=[dict(label='k-NN', metric='knn', published=[43.0, 43.4, 42.7, 43.6, 43.5])],
    )
]
