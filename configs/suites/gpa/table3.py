# GPA's Table 3.
_base_ = '../_base_/gpa.py'

title = 'GPA, Table 3: soft masking'
_hardness = ['random', '↓', '↓', 'soft', 'random', '↓', 'soft', 'random', '↓', 'soft']
_published = (82.69, 82.73, 82.69, 82.70, 82.50, 82.54, 82.53, 82.41, 82.51, 82.37)
_gains = (None, 0.04, 0.0, 0.01, None, 0.04, 0.03, None, 0.10, -0.04)
_masks = _base_._masks.soft
_first = {mask.ratio: mask.arm for mask in reversed(_masks)}
tables = [
    dict(
        name='table3',
        title='Table 3: Ablation study on soft masking. The effect of different α₀ˢ and αₜˢ.',
        heading=('hardness', 'α', 'α₀ˢ', 'αₜˢ'),
        note='αₜ is of the last epoch. In each block gains are over its first row. '
        'All rows have hard shares from 0 to 0.5.',
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
