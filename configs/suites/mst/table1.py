# MST, Table 1.
#     mmmask suite mmmask::suites/mst/table1.py --work-dir work_dirs/mst
_base_ = '../_base_/mst.py'

title = 'MST, Table 1'
description = 'Methods on ImageNet by a linear classifier and by k-NN.'

_resnet, _deit, _swin = 'Res50 [16]', 'DeiT-S [25]', 'Swin-T [20]'
_rates = {_resnet: 1237, _deit: 1007, _swin: 755}  # images a second
_parameters = {_resnet: 23, _deit: 21, _swin: 28}
_sources = {
    **_base_._cited,
    'Supervised': "MST's Table 1: the network's own accuracy, no linear classifier's",
}
# Method, architecture, epochs, linear, k-NN, arm, its probes. What the paper leaves out isn't
# measured.
_plain, _dagger = ('linear', 'knn'), ('linear_dino', 'knn')
_moco, _of_swin = ('linear_12_heads', 'knn_12_heads'), ('linear_swin', 'knn_swin')
_rows = [
    ('Supervised', _resnet, 100, 76.5, None, None, ()),
    ('MoCov2 [6]', _resnet, 800, 71.1, 61.9, None, ()),
    ('BYOL [13]', _resnet, 1000, 74.4, 64.8, None, ()),
    ('SwAV [1]', _resnet, 800, 75.3, 65.7, None, ()),
    ('Supervised', _deit, 300, 76.4, None, None, ()),
    ('SwAV [1]', _deit, 300, 67.1, None, 'swav_300', _plain),
    ('SimCLR [4]', _deit, 300, 69.0, None, 'simclr_300', _plain),
    ('BYOL [13]', _deit, 300, 71.0, None, 'byol_300', _plain),
    ('MoCov3 [7]', _deit, 300, 72.5, None, 'mocov3_300', _moco),
    ('MOBY [28]', _deit, 300, 72.8, None, 'moby_300', _plain),
    ('BYOL [13]', _deit, 800, 71.4, 66.6, 'byol_800', _plain),
    ('MoCov2 [6]', _deit, 800, 72.7, 64.4, 'mocov2_800', _plain),
    ('SwAV [1]', _deit, 800, 73.5, 66.3, 'swav_800', _plain),
    ('DINO [2]', _deit, 300, 75.2, 72.8, 'dino_300', _plain),
    ('DINO† [2]', _deit, 300, 75.9, 72.8, 'dino_300', _dagger),
    ('DINO† [2]', _deit, 800, 77.0, 74.5, 'dino_800', _dagger),
    ('Ours†', _deit, 100, 75.0, 72.1, 'mst', _dagger),
    ('Ours', _deit, 300, 76.3, 75.0, 'mst_300', _plain),
    ('Ours†', _deit, 300, 76.9, 75.0, 'mst_300', _dagger),
    ('Supervised', _swin, 300, 81.2, None, None, ()),
    ('MoBY [28]', _swin, 100, 70.9, 57.34, 'moby_swin', _of_swin),
    ('Ours', _swin, 100, 73.8, 66.20, 'mst_swin', _of_swin),
]
tables = [
    dict(
        name='table1',
        title='Table 1: Comparison of popular self-supervised learning methods on ImageNet',
        note='† adopts the linear probing of DINO. Throughput (im/s): of an NVIDIA V100 with batch '
        '128, as printed.',
        heading=('Method', 'Architecture', 'Parameters', 'epoch', 'im/s'),
        columns=[dict(label='Linear'), dict(label='k-NN')],
        rows=[
            dict(
                label=(method, network, _parameters[network], epochs, _rates[network]),
                arm=arm,
                metric=[linear and probes[0], knn and probes[1]] if arm else None,
                published=[linear, knn],
                source=_sources.get(method.split(' [')[0].rstrip('†').replace('MOBY', 'MoBY'), ''),
            )
            for method, network, epochs, linear, knn, arm, probes in _rows
        ],
    )
]
