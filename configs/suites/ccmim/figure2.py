# ccMIM, Figure 2, a drawing without numbers: 67.4 is Table 5's. The text names a learning rate of
# 1e-5, which no other place of the paper has, and which isn't taken over.
#     mmmask suite mmmask::suites/ccmim/figure2.py --work-dir work_dirs/ccmim
_base_ = '../_base_/ccmim.py'

title = 'ccMIM, Figure 2'
description = 'How much the alignment of visible and masked patches weighs, after 400 epochs.'

_lambdas = _base_._lambdas
tables = [
    dict(
        name='figure2',
        title='Figure 2: Impact of different λ',
        note='Without alignment (λ = 0) both objectives are one training',
        heading=('Linear top-1 (%)',),
        metric='linear',
        columns=[dict(label=weight, group='λ') for weight in (0, *_lambdas)],
        rows=[
            dict(
                label=label,
                arm=[
                    'no_alignment',
                    *(
                        'ccmim_400'
                        if (objective, weight) == ('nce', 0.2)
                        else f'{objective}_{weight}'
                        for weight in _lambdas
                    ),
                ],
                published=[
                    67.4 if (objective, w) == ('nce', 0.2) else None for w in (0, *_lambdas)
                ],
            )
            for objective, label in (('nce', 'InfoNCE'), ('cosine', 'cosine alignment'))
        ],
    )
]
figures = [dict(type='sweep', table='figure2', x_label='λ')]
