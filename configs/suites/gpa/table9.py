# GPA's Table 9. Operations are those of a whole training step, the teacher's forward among them:
# docs/methods.md says what 1.1 x can and can't be; suites/gpa/variants.py has what comes near.
_base_ = '../_base_/gpa.py'

title = 'GPA, Table 9: efficiency'
_digits = dict(metrics={'accuracy/top1': dict(digits=1)})  # as the paper prints it
protocols = dict(finetune=_digits)
tables = [
    dict(
        name='table9',
        title='Table 9: Comparison of Efficiency on different framework.',
        note="FLOPs and parameters are relative to MAE's. The text says 1.5× for HPM's FLOPs.",
        heading=('method',),
        columns=[
            dict(label='fine-tune(%)', metric='finetune'),
            dict(label='lin. prob.(%)', metric='linear'),
            dict(label='FLOPs', relative_to='mae'),
            dict(label='learn. para.', relative_to='mae'),
        ],
        rows=[
            dict(
                label='MAE [15]',
                arm='mae',
                metric=[None, None, 'mae:cost/gflops', 'mae:cost/parameters'],
                published=[82.2, 50.8, 1.0, 1.0],
            ),
            dict(label='HPM [36]', arm='hpm', published=[83.0, 54.9, 1.3, 1.2]),
            dict(
                label='GPA',
                arm='gpa',
                metric=[None, None, 'gpa:cost/gflops', 'gpa:cost/parameters'],
                published=[83.2, 64.9, 1.1, 1.0],
            ),
        ],
    )
]
