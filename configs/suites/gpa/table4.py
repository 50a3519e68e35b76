# GPA's Table 4.
_base_ = '../_base_/gpa.py'

title = 'GPA, Table 4: hard masking'
_hardness = ['soft', '↓', '↓', 'hard', 'soft', '↓', 'hard', 'soft', '↓', 'hard']
_published = (82.25, 82.73, 82.71, 82.27, 82.22, 82.54, 82.37, 82.20, 82.51, 81.82)
_gains = (None, 0.48, 0.46, 0.02, None, 0.32, 0.15, None, 0.31, -0.38)
_masks = _base_._masks.hard
_first = {mask.ratio: mask.arm for mask in reversed(_masks)}
tables = [
    dict(
        name='table4',
        title='Table 4: Ablation study on hard masking. The effect of different α₀ʰ and αₜʰ.',
        heading=('hardness', 'α', 'α₀ʰ', 'αₜʰ'),
        note='αₜ is of the last epoch. In each block gains are over its first row. '
        'All rows have soft shares from 0.5 to 0.',
        metric='finetune',
        columns=[dict(label='finetune(%)'), dict(label='gain')],
        rows=[
            dict(
                label=(hardness, mask.ratio, *(f'{share:g}' for share in mask.shares)),
                arm=[mask.arm, mask.arm if mask.arm != _first[mask.ratio] else None],
                minus=[None, _first[mask.ratio]],
                published=[number, gain],
            )
            for hardness, mask, number, gain in zip(_hardness, _masks, _published, _gains)
        ],
    )
]
