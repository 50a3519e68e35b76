# AttMask, Table 7: retrieval of buildings, and video segmentation, of frozen features.
#     mmmask suite mmmask::suites/attmask/table7.py --work-dir work_dirs/attmask
_base_ = '../_base_/attmask.py'

title = 'AttMask, Table 7'
_published = [
    [31.0, 11.7, 56.2, 28.9, 60.5, 59.5, 61.4],
    [33.5, 12.1, 59.0, 31.5, 62.1, 60.6, 63.5],
]
tables = [
    dict(
        name='table7',
        title='Table 7. Image retrieval (mAP, %) on (a) ROxford and (b) RParis [53] and video '
        'object segmentation (mean region similarity Jm and contour-based accuracy Fm, %) on (c) '
        'DAVIS 2017 [52], without fine-tuning. Models pre-trained on 100% ImageNet-1k training set '
        'for 100 epochs.',
        heading='Method',
        baseline='ibot',
        columns=[
            *(
                dict(label=label, group=group, metric=f'{name}:retrieval/map_{label.lower()}')
                for name, group in dict(roxford5k='(a) ROxford', rparis6k='(b) RParis').items()
                for label in ('Medium', 'Hard')
            ),
            dict(label='(J&F)m', group='(c) DAVIS 2017', metric='davis:davis/j_and_f_mean'),
            dict(label='Jm', group='(c) DAVIS 2017', metric='davis:davis/j_mean'),
            dict(label='Fm', group='(c) DAVIS 2017', metric='davis:davis/f_mean'),
        ],
        rows=[
            {**row, 'published': published} for row, published in zip(_base_._methods, _published)
        ],
    )
]
