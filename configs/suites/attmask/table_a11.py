# AttMask, Table A11: salient parts of the images are masked when they are classified.
#     mmmask suite mmmask::suites/attmask/table_a11.py --work-dir work_dirs/attmask \
#         --set dino_vitb16=dino_vitbase16_pretrain.pth
_base_ = '../_base_/attmask.py'

title = 'AttMask, Table A11'
_published = [
    [74.4, 64.8, 47.6, 31.4, 17.0],
    [75.7, 66.9, 50.0, 34.2, 20.5],
    [1.3, 2.1, 2.4, 2.8, 3.5],
]
tables = [
    dict(
        name='table_a11',
        title='Table A11. Linear probing top-1 accuracy on a more challenging masked version of '
        'ImageNet-1k validation set. Salient parts are gradually masked using the attention maps '
        'of the official pre-trained DINO ViT-Base model and setting the corresponding masked '
        'pixel values to zero (black). Models pre-trained on 100% of ImageNet-1k for 100 epochs.',
        heading='Mask ratio (%)',
        columns=[
            dict(label=0, metric='linear'),
            *(
                dict(label=share, metric=f'masked:robustness/masked_{share}_top1')
                for share in (10, 30, 50, 70)
            ),
        ],
        rows=[
            {**row, 'published': published}
            for row, published in zip([*_base_._methods, _base_._gain], _published)
        ],
    )
]
