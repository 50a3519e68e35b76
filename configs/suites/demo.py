# The demo: AttMask-High on iBOT is pre-trained on the embedded data without labels; what its
# features are worth is measured frozen, beside the untrained network, and in a detector and a
# segmenter, beside the same trainings from scratch.
#     mmmask suite mmmask::suites/demo.py --work-dir work_dirs/demo
title = 'From raw images to a transferred detector'
description = (
    'A small vision transformer is pre-trained with AttMask-High on iBOT, without a label, on '
    'images of twelve materials. Below: what its frozen features are worth beside those of the '
    'untrained network, and what a detector and a segmenter gain from it over training from '
    'scratch. Validation images share no pixel with training images.'
)
prepare = dict(
    command=['-m', 'mmmask', 'prepare-demo', '--out', 'data/material_scenes'],
    data=['data/material_scenes/*/manifest.json'],
)

_scenes = 'data/material_scenes/det/val/*.jpg'
_losses = {'loss_cls': 'CLS', 'loss_patch': 'masked patches'}
_network = dict(
    layers='model.backbone.arch.num_layers',
    width='model.backbone.arch.embed_dims',
    patch='model.backbone.patch_size',
)
_transfer = {
    'iterations': 'train_cfg.max_iters',
    'batch': 'train_dataloader.batch_size',
    'optimiser': 'optim_wrapper.optimizer.type',
    'learning rate': 'optim_wrapper.optimizer.lr',
    'weight decay': 'optim_wrapper.optimizer.weight_decay',
    'layer decay': 'optim_wrapper.paramwise_cfg.layer_decay_rate',
}

protocols = dict(
    pretrain=dict(
        title='AttMask-High on iBOT',
        note='Self-distillation with masks of what the teacher attends to most. No label is seen.',
        run='train',
        config='mmmask::demo/attmask-high-ibot_vit-demo_material-scenes.py',
        # A step takes four times as long as its images, so that one worker keeps ahead of it.
        options={
            'train_dataloader.num_workers': 1,
            'train_dataloader.persistent_workers': True,
        },
        minutes=1.7,
        values={
            'images': 'train_dataloader.dataset.data_root',
            'epochs': 'train_cfg.max_epochs',
            'batch': 'train_dataloader.batch_size',
            'learning rate': 'optim_wrapper.optimizer.lr',
            'mask ratio': 'model.masker.ratio',
            'masked images': 'model.masker.prob',
            'prototypes': 'model.head.out_channels',
            **_network,
        },
        figures=[
            dict(
                type='training',
                panels=[
                    dict(title='Loss', names=_losses),
                    dict(
                        title='k-NN accuracy of the teacher, % (k = 20)',
                        names={'knn/top1_k20': 'k-NN'},
                        marked=True,
                    ),
                    dict(title='Learning rate', names={'lr': 'learning rate'}),
                    dict(title="Teacher's momentum", names={'momentum': 'momentum'}),
                    dict(
                        title="Teacher's temperature",
                        names={'teacher_temp': 'CLS', 'teacher_patch_temp': 'patches'},
                    ),
                    dict(title='Share of masked patches', names={'mask_ratio': 'masked'}),
                ],
            ),
            dict(
                type='masks',
                images=_scenes,
                size=96,
                others={
                    'random': dict(type='RandomMasker', ratio=(0.1, 0.5)),
                    'block-wise (iBOT)': dict(type='BlockMasker', ratio=(0.1, 0.5)),
                },
            ),
            dict(type='attention', images=_scenes, size=96),
            dict(type='patches', images=_scenes, size=96),
        ],
    ),
    knn=dict(
        title='k-NN',
        note='Weighted vote of the nearest training images by the frozen CLS feature.',
        run='test',
        config='mmmask::demo/knn_vit-demo_material-scenes.py',
        minutes=0.2,
        baseline='untrained',
        metrics={'knn/top1_k20': 'top-1 accuracy, % (k = 20)'},
        values={'temperature': 'test_cfg.temperature', 'feature': 'test_cfg.feature', **_network},
        figures=[dict(type='neighbours'), dict(type='confusion'), dict(type='plane')],
    ),
    linear=dict(
        title='Linear probe',
        note='One linear layer on frozen features; the best of several learning rates, chosen on '
        'the validation set for both arms alike, as iBOT does.',
        run='train',
        config='mmmask::demo/linear_vit-demo_material-scenes.py',
        minutes=0.4,
        baseline='untrained',
        metrics={'linear/top1': 'top-1 accuracy, %'},
        values={
            'epochs': 'train_cfg.max_epochs',
            'batch': 'train_dataloader.batch_size',
            'blocks': 'model.n_last_blocks',
            'learning rates x batch / 256': 'model.lrs',
        },
    ),
    detection=dict(
        title='Mask R-CNN',
        note='The whole detector is trained on labelled scenes; the two arms differ in the '
        "backbone's first weights only.",
        run='train',
        config='mmmask::demo/mask-rcnn_vit-demo_material-scenes.py',
        minutes=1.4,
        baseline='scratch',
        metrics={
            'coco/bbox_mAP': dict(label='box AP', scale=100),
            'coco/segm_mAP': dict(label='mask AP', scale=100),
        },
        values=_transfer,
        figures=[
            dict(
                type='training',
                panels=[
                    dict(title='Loss', names={'loss': 'loss'}),
                    dict(title='Box AP', names={'coco/bbox_mAP': 'AP'}, scale=100, marked=True),
                ],
            ),
            dict(type='detections', threshold=0.2),
        ],
    ),
    segmentation=dict(
        title='UperNet',
        note='The whole segmenter is trained on labelled scenes; the two arms differ in the '
        "backbone's first weights only.",
        run='train',
        config='mmmask::demo/upernet_vit-demo_material-scenes.py',
        minutes=0.9,
        baseline='scratch',
        metrics={'mIoU': 'mean IoU, %'},
        values=_transfer,
        figures=[
            dict(
                type='training',
                panels=[
                    dict(title='Loss', names={'loss': 'loss'}),
                    dict(title='Mean IoU', names={'mIoU': 'mIoU'}, marked=True),
                ],
            ),
            dict(type='segmentations'),
        ],
    ),
)

tasks = [dict(name=f'pretrain-s{s}', protocol='pretrain', seed=s) for s in range(3)]
tasks += [
    dict(name=f'{p}-{arm}-s{s}', protocol=p, arm=arm, seed=s, weights=weights.format(s))
    for p, arms in (
        ('knn', {'untrained': 'none', 'pre-trained': 'pretrain-s{}'}),
        ('linear', {'untrained': 'none', 'pre-trained': 'pretrain-s{}'}),
        ('detection', {'scratch': 'none', 'pre-trained': 'pretrain-s{}'}),
        ('segmentation', {'scratch': 'none', 'pre-trained': 'pretrain-s{}'}),
    )
    for s in range(3)
    for arm, weights in arms.items()
]
