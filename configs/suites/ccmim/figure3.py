# ccMIM, Figure 3. The paper doesn't say for how long its two networks of the right plot train: 800
# epochs here, of which the first 50 are drawn.
#     mmmask suite mmmask::suites/ccmim/figure3.py --work-dir work_dirs/ccmim
_base_ = '../_base_/ccmim.py'

title = 'ccMIM, Figure 3'
description = 'What is masked in the course of training, and how hard it is to reconstruct.'

figures = [
    dict(
        type='masks',
        title='Figure 3, left: the division of patches with different masking ratios',
        untrained=True,
        arms=['ccmim_1', 'ccmim_800', 'importance_400'],
    ),
    dict(
        type='curves',
        title='Figure 3, right: the reconstruction loss over epochs',
        arms=['mae_800', 'ccmim_800'],
        scalar={'loss_pixel': 'reconstruction loss'},
        until=50,
    ),
]
