# MST, Table 5. `num`: the patches that may be masked are the 1 / num that get the least attention;
# `p`: each of them is masked with that probability.
#     mmmask suite mmmask::suites/mst/table5.py --work-dir work_dirs/mst
_base_ = '../_base_/mst.py'

title = 'MST, Table 5'
description = 'How many patches may be masked, by a linear classifier after 100 epochs.'

_probabilities = (0.05, 0.1, 0.15)
tables = [
    dict(
        name='table5',
        title='Table 5: The setting of hyper-parameters for attention-based mask strategy',
        heading=('num \\ p',),
        metric='linear',
        baseline='mst',
        columns=[dict(label=f'{p:.2f}') for p in _probabilities],
        rows=[
            dict(
                label=num,
                arm=['mst' if (num, p) == (8, 0.1) else f'num{num}_p{p}' for p in _probabilities],
                published=numbers,
            )
            for num, numbers in {
                1: [63.2, 61.4, 60.6],
                2: [73.7, 64.4, 62.7],
                4: [73.6, 73.6, 66.7],
                8: [73.6, 73.9, 73.6],
            }.items()
        ],
    )
]
