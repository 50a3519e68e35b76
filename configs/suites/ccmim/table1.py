# ccMIM, Table 1.
#     mmmask suite mmmask::suites/ccmim/table1.py --work-dir work_dirs/ccmim
_base_ = '../_base_/ccmim.py'

title = 'ccMIM, Table 1'
description = 'Methods on ImageNet-1k by a linear classifier and after fine-tuning.'

_b, _swin_b, _swin_l = ('ViT-B', '86M'), ('Swin-B', '88M'), ('Swin-L', '197M')
# Group -> method, network, epochs, linear, epochs of fine-tuning, accuracy, arm.
_groups = {
    'Training from scratch': [
        ('Scratch, DeiT', _b, 0, None, 300, 81.8, None),
        ('Scratch, MAE', _b, 0, None, 300, 82.3, None),
        ('Scratch, Swin', _swin_b, 0, None, 300, 83.5, None),
    ],
    'Supervised Pre-training': [
        ('Supervised, SimMIM', _swin_b, 300, None, 100, 83.3, None),
        ('Supervised, SimMIM', _swin_l, 300, None, 100, 83.5, None),
    ],
    'Contrastive Learning': [
        ('MoCo V3', _b, 800, 76.5, 100, 83.2, 'mocov3_800'),
        ('DINO', _b, 400, 77.3, 100, 83.3, 'dino_400'),
        ('iBOT', _b, 1600, 79.5, 100, 83.8, 'ibot'),
    ],
    'Masked Image Modeling': [
        ('MAE', _b, 300, 62.4, 100, 82.8, 'mae_300'),
        ('MAE', _b, 1600, 67.8, 100, 83.6, 'mae_1600'),
        ('MaskFeat', _b, 300, None, 100, 83.6, 'maskfeat'),
        ('BEiT†', _b, 300, 37.6, 100, 83.0, None),
        ('CAE†,‡', _b, 300, 64.2, 100, 83.3, None),
        ('CAE†,‡', _b, 800, 68.3, 100, 83.6, None),
        ('CIM†,‡', _b, 300, None, 100, 83.3, None),
        ('CIM‡', _b, 300, None, 100, 83.1, None),
        ('ConMIM‡', _b, 300, None, 100, 83.5, None),
        ('ConMIM‡', _b, 800, None, 100, 83.7, None),
        ('ccMIM (Ours)', _b, 300, 66.9, 100, 83.6, 'ccmim_300'),
        ('ccMIM (Ours)', _b, 800, 68.9, 100, 84.2, 'ccmim_800'),
    ],
}
tables = [
    dict(
        name='table1',
        title='Table 1: Linear and finetune top-1 accuracy on ImageNet-1K',
        note='† means using the powerful multi-modal DALL-E tokenizer in pre-training. ‡ means '
        'methods from arXiv preprint to date. Measured linear accuracy is by one protocol for all: '
        "ccMIM's, on the mean patch",
        heading=('Method', 'Model', '#Params', 'PT Eps.'),
        columns=[dict(label='Linear'), dict(label='FT Eps.'), dict(label='FT Acc. (%)')],
        rows=[
            dict(
                group=group,
                label=(method, *network, epochs),
                arm=arm,
                metric=[linear and 'linear', None, 'finetuning'] if arm else None,
                published=[linear, finetuned, accuracy],
                source='' if arm else _base_._cited[method.split(', ')[-1].rstrip('†,‡')],
            )
            for group, rows in _groups.items()
            for method, network, epochs, linear, finetuned, accuracy, arm in rows
        ],
    )
]
