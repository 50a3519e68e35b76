# AttMask, Figure 4: k-NN in the course of the training.
#     mmmask suite mmmask::suites/attmask/figure4.py --work-dir work_dirs/attmask
_base_ = '../_base_/attmask.py'

title = 'AttMask, Figure 4'
figures = [
    dict(
        type='curves',
        title='Fig. 4. Top-1 k-NN accuracy on ImageNet-1k validation for iBOT training vs. '
        'training epoch on 20% ImageNet training set.',
        arms=['block', 'high'],
        scalar={'knn/top1_k20': 'k-NN, top-1 %'},
        # The figure's values aren't printed. These are Table 1's, and the text's: AttMask-High is
        # where block-wise masks end after 42% fewer epochs.
        published=dict(block=[(100, 46.7)], high=[(58, 46.7), (100, 49.7)]),
    )
]
