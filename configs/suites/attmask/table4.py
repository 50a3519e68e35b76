# AttMask, Table 4: other backgrounds.
#     mmmask suite mmmask::suites/attmask/table4.py --work-dir work_dirs/attmask
_base_ = '../_base_/attmask.py'

title = 'AttMask, Table 4'
_published = [
    [72.4, 74.3, 59.4, 56.8, 36.3, 14.4, 15.0, 89.1],
    [73.1, 73.8, 58.8, 55.9, 35.6, 13.7, 14.5, 87.9],
    [72.8, 75.3, 60.4, 57.5, 34.9, 10.3, 14.4, 89.3],
    [66.0, 71.1, 55.2, 52.2, 32.4, 12.5, 14.0, 86.6],
    [74.4, 75.9, 61.7, 58.3, 39.6, 16.7, 15.7, 89.6],
    [75.2, 76.2, 62.3, 59.4, 40.6, 15.2, 15.3, 89.8],
]
tables = [
    dict(
        name='table4',
        title='Table 4. Background robustness: Linear probing of iBOT model on IN-9 [69] and its '
        'variations, when pre-trained on 20% ImageNet-1k under different masking strategies.',
        note=_base_._blocks_of_beit + ' ‡: aggressive random masking.',
        heading=('iBOT masking', 'Ratio (%)'),
        baseline='block',
        columns=[
            dict(label=label, metric=f'in9:robustness/{name}_top1')
            for name, label in _base_._imagenet9.items()
        ],
        rows=[
            {**row, 'published': published}
            for row, published in zip(_base_._masked_ibot, _published)
        ],
    )
]
