# MST, Appendix 9 and 10, whose numbers stand in the text; and what Section 3.3 changes, for which
# the paper has no number of its own.
#     mmmask suite mmmask::suites/mst/appendix_9_10.py --work-dir work_dirs/mst
_base_ = '../_base_/mst.py'

title = 'MST, Appendix 9 and 10'
description = 'Ablations of the text, by a linear classifier after 100 epochs.'

_column = [dict(label='Linear (%)', metric='linear')]
tables = [
    dict(
        name='appendix_9',
        title='Appendix 9: The random mask strategy with different sampling ratios, without BN',
        heading=('p',),
        columns=_column,
        rows=[
            dict(label='0.01', arm='mask_random_no_bn', published=[71.1]),
            dict(label='0', arm='mask_none_no_bn', published=[72.6]),
        ],
    ),
    dict(
        name='appendix_10',
        title='Appendix 10: The impact of loss weight',
        heading=('λ2',),
        baseline='mst',
        columns=_column,
        rows=[
            dict(
                label=weight,
                arm='mst' if weight == 0.6 else f'restoration{weight}',
                published=[number],
            )
            for weight, number in {0.2: 73.7, 0.4: 73.5, 0.6: 73.9, 0.8: 73.6}.items()
        ],
    ),
    dict(
        name='section_3_3',
        title='Section 3.3: Which views share the statistics of batch normalisation',
        heading=('Views',),
        columns=_column,
        rows=[
            dict(label='the images of a global view', arm='mst', published=[73.9]),
            dict(label='all', arm='all_views_bn', published=[None]),
        ],
    ),
]
