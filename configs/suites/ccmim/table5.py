# ccMIM, Table 5.
#     mmmask suite mmmask::suites/ccmim/table5.py --work-dir work_dirs/ccmim
_base_ = '../_base_/ccmim.py'

title = 'ccMIM, Table 5'
description = 'How patches are divided into visible and masked ones.'

_lengths = (100, 400)
_metrics = {'Linear': 'linear', 'Finetune': 'finetuning'}
tables = [
    dict(
        name='table5',
        title='Table 5: Ablation study of the dividing strategy',
        heading=('Dividing strategy',),
        columns=[
            dict(label=label, group=f'{epochs} epochs', metric=metric)
            for epochs in _lengths
            for label, metric in _metrics.items()
        ],
        rows=[
            dict(
                label=strategy,
                arm=[f'{arm}_{epochs}' for epochs in _lengths for _ in _metrics],
                published=numbers,
            )
            for strategy, arm, numbers in (
                ('random', 'random', [33.6, 79.4, 63.1, 82.9]),
                ('block-wise', 'block', [32.9, 79.2, 62.0, 82.8]),
                ('importance', 'importance', [31.1, 78.8, 66.8, 83.6]),
                ('importance sampling', 'ccmim', [41.1, 80.5, 67.4, 83.8]),
            )
        ],
    )
]
