# What one pre-training is worth downstream: AttMask-High on iBOT, then a detector, a segmenter and
# a classifier trained with few labels from its weights and from scratch, three seeds of each. The
# protocols of the first three are the demo's.
#     mmmask suite mmmask::suites/transfer.py --work-dir work_dirs/transfer
_base_ = 'demo.py'

title = 'From one pre-training to three tasks'
description = (
    'A small vision transformer is pre-trained with AttMask-High on iBOT, without a label, on '
    'images of twelve materials. Below: what a detector, a segmenter and a classifier gain from it '
    'over the same short training from scratch, with three seeds of everything. Validation images '
    'share no pixel with training images.'
)

protocols = dict(
    _delete_=True,
    pretrain=_base_.protocols.pretrain,
    detection=_base_.protocols.detection,
    segmentation=_base_.protocols.segmentation,
    finetuning=dict(
        title='Fine-tuned classifier',
        note='The whole network is trained on a few labelled images of each class; the two arms '
        "differ in the backbone's first weights only.",
        run='train',
        config='mmmask::demo/finetune_vit-demo_material-scenes.py',
        minutes=0.6,
        baseline='scratch',
        metrics={'accuracy/top1': 'top-1 accuracy, %'},
        values={
            'labelled images of a class': 'train_dataloader.dataset.max_per_class',
            **_base_._transfer,
        },
        figures=[
            dict(
                type='training',
                panels=[
                    dict(title='Loss', names={'loss': 'loss'}),
                    dict(title='Accuracy, %', names={'accuracy/top1': 'top-1'}, marked=True),
                ],
            ),
        ],
    ),
)

tasks = [dict(name=f'pretrain-s{s}', protocol='pretrain', seed=s) for s in range(3)]
tasks += [
    dict(name=f'{p}-{arm}-s{s}', protocol=p, arm=arm, seed=s, weights=weights.format(s))
    for p in ('finetuning', 'segmentation', 'detection')
    for s in range(3)
    for arm, weights in {'scratch': 'none', 'pre-trained': 'pretrain-s{}'}.items()
]
