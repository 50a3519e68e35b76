# ccMIM, Table 4. The columns of MAE and ccMIM name their epochs; DINO's and iBOT's checkpoints are
# taken for those of Table 1, "Sup." for DeiT.
#     mmmask suite mmmask::suites/ccmim/table4.py --work-dir work_dirs/ccmim
_base_ = '../_base_/ccmim.py'

title = 'ccMIM, Table 4'
description = 'Fine-tuning on fine-grained data sets.'

tables = [
    dict(
        name='table4',
        title='Table 4: Transfer learning on fine-grained datasets',
        note='All the methods are under the same settings. ClusterFit: Yan et al., CVPR 2020; '
        'SNCA+: Wu et al., ECCV 2018; Grafit: Touvron et al., ICCV 2021; BeiT: Bao et al., ICLR '
        '2022; their numbers are published ones',
        heading=('Dataset',),
        columns=[
            dict(label='ClusterFit'),
            dict(label='SNCA+'),
            dict(label='Grafit'),
            dict(label='DINO', arm='dino_400'),
            dict(label='Sup.', arm='deit'),
            dict(label='iBOT', arm='ibot'),
            dict(label='BeiT'),
            dict(label='MAE (1600 eps)', arm='mae_1600'),
            dict(label='ccMIM (800 eps)', arm='ccmim_800'),
        ],
        rows=[
            dict(label=dataset, metric=protocol, published=numbers)
            for dataset, protocol, numbers in (
                (
                    'iNaturalist 2018',
                    'inat2018',
                    [49.7, 69.2, 69.8, 72.6, 73.2, 74.6, 72.3, 75.4, 75.6],
                ),
                (
                    'iNaturalist 2019',
                    'inat2019',
                    [73.7, 74.5, 75.9, 78.6, 77.7, 79.6, 79.2, 80.5, 81.0],
                ),
                (
                    'Flowers-102',
                    'flowers102',
                    [None, 98.2, 98.2, 98.8, 98.4, 98.9, 98.0, 99.0, 99.2],
                ),
            )
        ],
    )
]
