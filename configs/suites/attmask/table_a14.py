# AttMask, Table A14: fine-tuning on ImageNet-1k.
#     mmmask suite mmmask::suites/attmask/table_a14.py --work-dir work_dirs/attmask
_base_ = '../_base_/attmask.py'

title = 'AttMask, Table A14'
tables = [
    dict(
        name='table_a14',
        title='Table A14. Top-1 accuracy on ImageNet validation set after supervised fine-tuning '
        'for 100 epochs on ImageNet-1k training set. Models pre-trained on 100% ImageNet-1k '
        'training set for 300 epochs.',
        baseline='ibot_300e',
        columns=[
            dict(label='iBOT', arm='ibot_300e'),
            dict(label='iBOT+AttMask', arm='attmask_300e'),
        ],
        rows=[dict(label='Fine-tuning on ImageNet', metric='finetuning', published=[81.1, 81.3])],
    )
]
