# AttMask, Figure 4: k-NN in the course of the training.
#     mmmask suite mmmask::suites/attmask/figure4.py --work-dir work_dirs/attmask
_base_ = '../_base_/attmask.py'

title = 'AttMask, Figure 4'
figures = [
    dict(
        type='curves',
        arms=['block', 'high'],
    )
]
