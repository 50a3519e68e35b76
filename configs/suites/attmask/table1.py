# AttMask, Table 1: what iBOT masks.
#     mmmask suite mmmask::suites/attmask/table1.py --work-dir work_dirs/attmask
_base_ = '../_base_/attmask.py'

title = 'AttMask, Table 1'
_published = [
    [46.7, 56.4, 98.0, 86.0],
    [47.3, 55.5, 97.7, 85.5],
    [47.8, 56.7, 98.0, 86.1],
    [44.0, 53.4, 97.6, 84.6],
    [49.5, 57.5, 98.1, 86.6],
    [49.7, 57.9, 98.2, 86.6],
]
tables = [
    dict(
        name='table1',
        title='Table 1. Different masking strategies for iBOT [78] pre-training on 20% of '
        'ImageNet. Top-1 accuracy for k-NN, linear probing on ImageNet validation set; '
        'fine-tuning on CIFAR10/100.',
        note=_base_._blocks_of_beit + ' ' + _base_._random_of_mae,
        heading=('iBOT masking', 'Ratio (%)'),
        baseline='block',
        columns=[
            dict(label='k-NN', group='ImageNet-1k', metric='knn'),
            dict(label='Linear', group='ImageNet-1k', metric='linear'),
            dict(label='Fine-tuning', group='CIFAR10', metric='cifar10'),
            dict(label='Fine-tuning', group='CIFAR100', metric='cifar100'),
        ],
        rows=[
            {**row, 'published': published}
            for row, published in zip(_base_._masked_ibot, _published)
        ],
    )
]
