# MST, Table 4. "All methods mask with the same probability": in Table 5, 63.2 and 73.7 stand at
# p = 0.05, without a choice of patches (num = 1) and with half of them (num = 2).
#     mmmask suite mmmask::suites/mst/table4.py --work-dir work_dirs/mst
_base_ = '../_base_/mst.py'

title = 'MST, Table 4'
description = 'How patches are masked, by a linear classifier after 100 epochs.'

tables = [
    dict(
        name='table4',
        title='Table 4: Linear probe results of different mask strategy (DeiT-S)',
        heading=('Mask Strategy',),
        baseline='mask_none',
        columns=[dict(label='Top-1 acc (%)', metric='linear')],
        rows=[
            dict(label='None', arm='mask_none', published=[73.1]),
            dict(label='Random Mask', arm='mask_random', published=[63.2]),
            dict(label='Attention-Guided', arm='num2_p0.05', published=[73.7]),
        ],
    )
]
