# GPA's Table 7. CAE's number is of its ViT-B after 300 epochs, which has no configuration here.
_base_ = '../_base_/gpa.py'

title = 'GPA, Table 7: linear probing'
tables = [
    dict(
        name='table7',
        title='Table 7: Comparison with SOTAs on linear probing.',
        note='HPM: Wang et al. 2023. CAE: Chen et al. 2024, ViT-B; it is not measured.',
        metric='linear',
        columns=[
            dict(label='MAE [15]', arm='mae'),
            dict(label='HPM [36]', arm='hpm'),
            dict(label='CAE [5]'),
            dict(label='GPA', arm='gpa'),
        ],
        rows=[dict(label='Acc(%)', published=[50.8, 54.9, 64.1, 64.9])],
    )
]
