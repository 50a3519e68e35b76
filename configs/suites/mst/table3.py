# MST, Table 3. The paper doesn't say which of SETR's three decoders it has: naive here. The others
# are setr-pup_* and setr-mla_*, as protocols.cityscapes.config of a suite that inherits this one.
#     mmmask suite mmmask::suites/mst/table3.py --work-dir work_dirs/mst
_base_ = '../_base_/mst.py'

title = 'MST, Table 3'
description = 'A segmenter (SETR) on Cityscapes that starts from a DeiT-S.'

tables = [
    dict(
        name='table3',
        title='Table 3: Results of semantic segmentation fine-tuned on Cityscapes',
        note='Pre-trained for 100 epochs, as the table says; Section 4.4 says 300.',
        heading=('Method', 'Backbone', 'Pre-Epochs', 'Schedule'),
        baseline='dino',
        columns=[
            dict(label=metric, metric=f'cityscapes:{metric}') for metric in ('mIoU', 'mAcc', 'aAcc')
        ],
        rows=[
            dict(
                label=(method, 'DeiT-S [25]', epochs, '40K'),
                arm=arm,
                published=numbers,
            )
            for method, epochs, arm, numbers in (
                ('Supervised', 300, 'supervised', [71.33, 80.30, 94.99]),
                ('DINO [2]', 100, 'dino', [72.96, 81.32, 95.37]),
                ('Ours', 100, 'mst', [74.04, 82.35, 95.42]),
            )
        ],
    )
]
