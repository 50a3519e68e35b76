# ccMIM, Table 3. The last two headings are right for MoCo V2 alone. In all other rows the printed
# "aAcc" is the mean accuracy of classes, and "mAcc" that of pixels, for only that is above 80.
# Measured numbers stand beside what they compare with.
#     mmmask suite mmmask::suites/ccmim/table3.py --work-dir work_dirs/ccmim
_base_ = '../_base_/ccmim.py'

title = 'ccMIM, Table 3'
description = 'A segmenter on ADE20K that starts from a ViT.'

# Method, architecture, epochs, views, numbers, arm, protocol.
_rows = [
    ('DeiT', 'FPN', 300, 1, [47.0, None, None], 'deit', 'ade20k_fpn'),
    ('MoCo V3', 'UperNet', 300, 2, [46.2, 56.4, 82.4], 'mocov3_300', 'ade20k'),
    ('DINO', 'UperNet', 300, 2, [45.0, 55.1, 82.1], 'dino_300', 'ade20k'),
    ('MAE', 'UperNet', 300, 1, [45.2, 55.2, 81.9], 'mae_300', 'ade20k'),
    ('MAE', 'UperNet', 1600, 1, [46.9, 57.4, 82.7], 'mae_1600', 'ade20k'),
    ('CAE', 'UperNet', 300, 1, [46.0, 56.6, 82.5], None, ''),
    ('CAE', 'UperNet', 800, 1, [47.2, 57.9, 83.0], None, ''),
    ('ccMIM (Ours)', 'UperNet', 300, 1, [46.5, 56.9, 82.8], 'ccmim_300', 'ade20k'),
    ('ccMIM (Ours)', 'UperNet', 800, 1, [47.7, 58.3, 83.5], 'ccmim_800', 'ade20k'),
]
tables = [
    dict(
        name='table3',
        title='Table 3: Semantic segmentation on ADE20K dataset',
        note='#Epochs means pretraining epochs on ImageNet-1K, #Views the views of pretraining, '
        '#Iter the iterations of finetuning. As printed, but for MoCo V2 aAcc has the mean '
        'accuracy of classes and mAcc that of pixels',
        heading=(
            *('Method', 'Backbone', 'Arch', '#Epochs', '#Views', 'Supervised'),
            *('Self-supervised', '#Iter'),
        ),
        columns=[dict(label='mIoU'), dict(label='aAcc'), dict(label='mAcc')],
        rows=[
            dict(
                label=('MoCo V2', 'ResNet50', 'FPN', 200, 2, '×', '✓', '40k'),
                published=[35.8, 77.6, 45.1],
                source=_base_._cited['MoCo v2'],
            ),
            *(
                dict(
                    label=(
                        *(method, 'ViT-B/16', architecture, epochs, views),
                        *(('✓', '×') if method == 'DeiT' else ('×', '✓')),
                        '160k',
                    ),
                    arm=arm,
                    metric=[
                        number and f'{protocol}:{metric}'
                        for number, metric in zip(numbers, ('mIoU', 'mAcc', 'aAcc'))
                    ]
                    if arm
                    else None,
                    published=numbers,
                    source='' if arm else _base_._cited[method],
                )
                for method, architecture, epochs, views, numbers, arm, protocol in _rows
            ),
        ],
    )
]
