# AttMask, Table 8: retrieval of birds, cars, products and clothes, of frozen features.
#     mmmask suite mmmask::suites/attmask/table8.py --work-dir work_dirs/attmask
_base_ = '../_base_/attmask.py'

title = 'AttMask, Table 8'
_sets = {
    'cub200': ('CUB200', (1, 2, 4)),
    'cars196': ('CARS196', (1, 2, 4)),
    'sop': ('SOP', (1, 10, 100)),
    'inshop': ('In-Shop', (1, 10, 20)),
}
_published = [
    [51.4, 63.8, 75.0, 35.6, 46.0, 56.3, 57.4, 72.2, 84.0, 39.1, 61.9, 68.2],
    [57.2, 69.4, 80.3, 39.8, 50.4, 61.4, 59.0, 73.9, 85.4, 40.7, 63.7, 70.3],
]
tables = [
    dict(
        name='table8',
        title='Table 8. Fine-grained classification (R@k: Recall@k, %) [45] without fine-tuning. '
        'Models pre-trained on 100% ImageNet-1k training set for 100 epochs.',
        heading='Method',
        baseline='ibot',
        columns=[
            dict(
                label=f'R@{k}' if k == 1 else k,
                group=group,
                metric=f'{name}:retrieval/recall_at_{k}',
            )
            for name, (group, ks) in _sets.items()
            for k in ks
        ],
        rows=[
            {**row, 'published': published} for row, published in zip(_base_._methods, _published)
        ],
    )
]
