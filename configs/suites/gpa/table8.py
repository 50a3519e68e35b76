# GPA's Table 8. "Our model is pre-trained 800 epochs [...], consistent with other models": but
# the recipe of MoCo v3 has 300. BEiT has relative positions: its row is a number only.
_base_ = '../_base_/gpa.py'

title = 'GPA, Table 8: semantic segmentation'
tables = [
    dict(
        name='table8',
        title='Table 8: Comparison with state-of-the-art mask strategies on ADE20k semantic '
        'segmentation using UperNet.',
        heading=('method', ''),
        baseline='mae_800',
        columns=[dict(label='mIoU', metric='segmentation_160k')],
        rows=[
            dict(label=('MoCo v3', "[ICCV'21]"), arm='mocov3', published=[47.3]),
            dict(
                label=('BEiT', "[ICLR'22]"),
                published=[47.1],
                source='Bao et al. 2021 (BEiT, arXiv 2106.08254)',
            ),
            dict(label=('MAE', "[CVPR'22]"), arm='mae_800', published=[48.1]),
            dict(label=('SemMAE', "[NIPS'22]"), arm='semmae', published=[46.3]),
            dict(label=('HPM', "[CVPR'23]"), arm='hpm_800', published=[48.5]),
            dict(label=('GPA', '[Ours]'), arm='gpa_800', published=[48.9]),
        ],
    )
]
