# What every evaluation without fine-tuning says of the same features: the papers' systems and what
# they stand on, pre-trained at the demo's size, three seeds of each. Pre-trainings are those of
# systems.py; with the same --work-dir they run once.
#     mmmask suite mmmask::suites/frozen.py --work-dir work_dirs/systems
_base_ = 'systems.py'

title = 'What frozen features know'
description = (
    'Small networks are pre-trained without a label on images of twelve materials. Below: what '
    'each evaluation says of their frozen features, on images that share no pixel with these. The '
    'rows are no ranking: budgets and networks differ, and every recipe is a short one.'
)

# Demo config -> arm.
_systems = {
    'dino_vit': 'DINO',
    'ibot_vit': 'iBOT',
    'attmask-high-ibot_vit': 'AttMask-High on iBOT',
    'mst_vit': 'MST',
    'mae_vit': 'MAE',
    'gpa_vit': 'GPA on MAE',
    'ccmim_vit': 'ccMIM',
}
_selected = {'train_cfg.select': 'held_out'}  # the rate, on a tenth of the training images

protocols = dict(
    _delete_=True,
    **{config: _base_.protocols[config] for config in _systems},
    knn=dict(
        title='k-NN',
        run='test',
        config='mmmask::demo/knn_vit-demo_material-scenes.py',
        minutes=0.2,
        baseline='untrained',
        metrics={'knn/top1_k20': 'top-1, %'},
    ),
    fewshot=dict(
        title='k-NN with 5 images of each class',
        run='test',
        config='mmmask::demo/knn-fewshot_vit-demo_material-scenes.py',
        minutes=0.2,
        baseline='untrained',
        metrics={'knn/top1_k10_5shot': 'top-1, %, mean of five draws'},
    ),
    linear=dict(
        title='Linear probe',
        run='train',
        config='mmmask::demo/linear_vit-demo_material-scenes.py',
        options=_selected,
        minutes=0.3,
        baseline='untrained',
        metrics={'linear/top1': 'top-1, %'},
    ),
    attentive=dict(
        title='Attentive probe (efficient probing)',
        run='train',
        config='mmmask::demo/attentive-ep_vit-demo_material-scenes.py',
        minutes=0.3,
        baseline='untrained',
        metrics={'linear/top1': 'top-1, %'},
    ),
    incontext=dict(
        title='In-context segmentation of scenes',
        run='test',
        config='mmmask::demo/knn-seg_vit-demo_material-scenes.py',
        minutes=0.2,
        baseline='untrained',
        metrics={'knn_segmentation/miou': 'mean IoU, %'},
    ),
    dense=dict(
        title='Linear segmentation of scenes',
        run='train',
        config='mmmask::demo/linear-seg_vit-demo_material-scenes.py',
        minutes=0.5,
        baseline='untrained',
        metrics={'mIoU': 'mean IoU, %'},
    ),
)

_evaluations = ('knn', 'fewshot', 'linear', 'attentive', 'incontext', 'dense')
tasks = [
    dict(name=f'{config}-s{seed}', protocol=config, seed=seed)
    for config in _systems
    for seed in range(3)
]
tasks += [
    dict(name=f'{protocol}-untrained-s{seed}', protocol=protocol, arm='untrained', seed=seed)
    | dict(weights='none')
    for protocol in _evaluations
    for seed in range(3)
]
tasks += [
    dict(name=f'{protocol}-{config}-s{seed}', protocol=protocol, arm=arm, seed=seed)
    | dict(weights=f'{config}-s{seed}')
    for protocol in _evaluations
    for config, arm in _systems.items()
    for seed in range(3)
]
