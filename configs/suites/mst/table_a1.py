# MST, Appendix, Table 1.
#     mmmask suite mmmask::suites/mst/table_a1.py --work-dir work_dirs/mst
_base_ = '../_base_/mst.py'

title = 'MST, Appendix, Table 1'
description = 'k-NN with several numbers of neighbours.'

tables = [
    dict(
        name='table_a1',
        title='Table 1: The setting of k',
        note='Top-1 accuracy on the ImageNet validation set, DeiT-S pre-trained for 300 epochs.',
        heading=('Method', 'Architecture', 'epoch', 'k'),
        columns=[dict(label='k-NN Top-1 (%)', arm='mst_300')],
        rows=[
            dict(label=('Ours', 'DeiT-S', 300, k), metric=f'knn:knn/top1_k{k}', published=[number])
            for k, number in {10: 75.0, 20: 74.8, 100: 72.9, 200: 71.8}.items()
        ],
    )
]
