# What GPA's paper leaves open, without numbers of its own: see docs/methods.md.
_base_ = '../_base_/gpa.py'

title = "GPA's variants"
_variants = ('feature', 'raw_scores', 'alternate', 'alternate_176px', 'as_teacher_96px', 'online')
_arms = _base_.arms
tables = [
    dict(
        name='variants',
        title="GPA's variants without a number in the paper, fine-tuned, and what they cost",
        note="FLOPs and parameters are relative to MAE's.",
        heading=('variant',),
        baseline='gpa',
        columns=[
            dict(label='fine-tune(%)', metric='finetune'),
            dict(label='FLOPs', relative_to='mae'),
            dict(label='learn. para.', relative_to='mae'),
        ],
        rows=[
            dict(
                label=_arms[arm].title,
                arm=arm,
                metric=[
                    None,
                    f'{_arms[arm].protocol}:cost/gflops',
                    f'{_arms[arm].protocol}:cost/parameters',
                ],
                published=[published, None, None],
            )
            for arm, published in (
                ('mae', 82.23),
                ('as_teacher', 82.73),
                ('gpa', 83.22),
                *((arm, None) for arm in _variants),
            )
        ],
    )
]
