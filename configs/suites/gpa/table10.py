# GPA's Table 10. iBOT's numbers can't be of the whole of ImageNet-1k: configs/ibot/README.md.
_base_ = '../_base_/gpa.py'

title = 'GPA, Table 10: other models with its masks'
_digits = dict(metrics={'accuracy/top1': dict(digits=1)})  # as the paper prints it
protocols = dict(finetune=_digits, finetune_convmae=_digits)
# Label, epochs, arms, metric, published.
_models = (
    ('MAE-B [15]', 200, 'mae', 'as_teacher', 'finetune', (82.2, 82.7, 0.5)),
    ('ConvMAE-S [12]', 200, 'convmae', 'gpa_convmae', 'finetune_convmae', (80.0, 82.4, 2.4)),
    ('CAE-S* [5]', 50, 'cae', 'gpa_cae', 'knn_cae', (37.4, 38.5, 1.1)),
    ('iBOT-B* [49]', 100, 'ibot', 'gpa_ibot', 'knn_ibot', (47.3, 48.4, 1.1)),
)
tables = [
    dict(
        name='table10',
        title='Table 10: Comparison of applying GPA as a teacher to other models before and after.',
        note='*: k-NN accuracy, of 20 neighbours: the paper does not say of how many.',
        heading=('method', 'epochs'),
        columns=[dict(label='Baseline'), dict(label='GPA as teacher'), dict(label='gain')],
        rows=[
            dict(
                label=(label, epochs),
                arm=[plain, guided, guided],
                minus=[None, None, plain],
                metric=metric,
                published=list(published),
            )
            for label, epochs, plain, guided, metric, published in _models
        ],
    )
]
