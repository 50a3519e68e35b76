# AttMask, Table A10: the mean patch beside the CLS token.
#     mmmask suite mmmask::suites/attmask/table_a10.py --work-dir work_dirs/attmask
_base_ = '../_base_/attmask.py'

title = 'AttMask, Table A10'
_published = [[71.5, 49.0], [72.5, 58.0], [1.0, 9.0]]
tables = [
    dict(
        name='table_a10',
        title='Table A10. k-NN top-1 accuracy on ImageNet-1k validation using global average '
        'pooling (GAP) over patch features vs. the [CLS] token embeddings. Models are pre-trained '
        'on 100% of ImageNet-1k for 100 epochs.',
        columns=[dict(label='CLS', metric='knn'), dict(label='GAP', metric='knn_gap')],
        rows=[
            {**row, 'published': published}
            for row, published in zip([*_base_._methods, _base_._gain], _published)
        ],
    )
]
