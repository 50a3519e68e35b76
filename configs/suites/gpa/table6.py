# GPA's Table 6. Its other methods are ViT-B/16, as GPA: give their checkpoints by --set ARM=FILE.
# UM-MAE trains pyramid networks and BEiT has relative positions, so their rows are numbers only.
_base_ = '../_base_/gpa.py'

title = 'GPA, Table 6: mask strategies, fine-tuned'
_digits = dict(metrics={'accuracy/top1': dict(digits=1)})  # as the paper prints it
protocols = dict(finetune=_digits)
_random, _loss = 'masked by random', 'masked by recon. loss'
_cls, _patch = 'masked by cls-pth atten.', 'masked by patch-wise atten.'
tables = [
    dict(
        name='table6',
        title='Table 6: Comparison with state-of-the-art mask strategies on ImageNet-1K, all '
        'methods are evaluated by finetuning.',
        heading=('method', 'epochs'),
        columns=[dict(label='finetune(%)', metric='finetune')],
        rows=[
            dict(label=('MAE [15]', 200), group=_random, arm='mae', published=[82.2]),
            dict(
                label=('UM-MAE [24]', 200),
                group=_random,
                published=[82.8],
                source='Li et al. 2022 (UM-MAE, arXiv 2205.10063)',
            ),
            dict(
                label=('BEiT [2]', 800),
                group=_random,
                published=[83.2],
                source='Bao et al. 2021 (BEiT, arXiv 2106.08254)',
            ),
            dict(label=('HPM [36]', 200), group=_loss, arm='hpm', published=[83.0]),
            dict(label=('AMT [28]', 400), group=_cls, arm='amt', published=[82.8]),
            dict(label=('SemMAE [23]', 800), group=_cls, arm='semmae', published=[83.3]),
            dict(label=('AutoMAE [3]', 800), group=_cls, arm='automae', published=[83.3]),
            dict(label=('MILAN [18]', 400), group=_cls, arm='milan', published=[83.3]),
            dict(label=('GPA [Ours]', 200), group=_patch, arm='gpa', published=[83.2]),
            dict(label=('GPA [Ours]', 300), group=_patch, arm='gpa_300', published=[83.4]),
        ],
    )
]
