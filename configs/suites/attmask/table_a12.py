# AttMask, Table A12: scenes.
#     mmmask suite mmmask::suites/attmask/table_a12.py --work-dir work_dirs/attmask
_base_ = '../_base_/attmask.py'

title = 'AttMask, Table A12'
tables = [
    dict(
        name='table_a12',
        title='Table A12. Scene classification measuring accuracy (%) using linear probing on '
        'Places205 [76]. Models pre-trained on 100% ImageNet-1k training set for 100 epochs.',
        baseline='ibot',
        columns=_base_._methods,
        rows=[dict(label='Places205', metric='places205', published=[55.9, 56.7])],
    )
]
