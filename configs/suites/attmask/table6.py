# AttMask, Table 6: fine-tuning of classifiers, a detector and a segmenter.
#     mmmask suite mmmask::suites/attmask/table6.py --work-dir work_dirs/attmask
_base_ = '../_base_/attmask.py'

title = 'AttMask, Table 6'
_published = [[98.8, 89.5, 96.8, 48.2, 41.8, 44.9], [98.8, 90.1, 97.7, 48.8, 42.0, 45.3]]
tables = [
    dict(
        name='table6',
        title='Table 6. Fine-tuning for image classification on CIFAR10 [34], CIFAR100 [34] and '
        'Oxford Flowers [47]; Object detection (APb, %) and instance segmentation (APm, %) on COCO '
        '[39]; and semantic segmentation on ADE20K [77] (mIoU, %). Models pre-trained on 100% '
        'ImageNet-1k training set for 100 epochs.',
        heading='Method',
        baseline='ibot',
        columns=[
            dict(label='Accuracy', group='CIFAR10', metric='cifar10'),
            dict(label='Accuracy', group='CIFAR100', metric='cifar100'),
            dict(label='Accuracy', group='Flowers', metric='flowers102'),
            dict(label='APb', group='COCO', metric='coco:coco/bbox_mAP'),
            dict(label='APm', group='COCO', metric='coco:coco/segm_mAP'),
            dict(label='mIoU', group='ADE20K', metric='ade20k'),
        ],
        rows=[
            {**row, 'published': published} for row, published in zip(_base_._methods, _published)
        ],
    )
]
