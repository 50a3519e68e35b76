# Every system at the demo's size: pre-trained on the embedded data without labels, three seeds, and
# what the frozen features are worth beside those of the same network before training.
#     python tools/benchmark.py configs/suites/systems.py --work-dir work_dirs/systems
title = 'The systems side by side'
description = (
    'Small networks are pre-trained without a label on images of twelve materials. The tables show '
    'k-NN accuracy beside that of the same network before training, seed by seed. The rows are no '
    'ranking: budgets differ, every recipe is a short one, and the images are tiny.'
)
prepare = dict(
    command=['tools/prepare_demo_data.py', '--out', 'data/material_scenes'],
    data=['data/material_scenes/*/manifest.json'],
)

# Name -> title, demo config, minutes, network. Systems of one network share its untrained baseline.
_systems = {
    'dino': ('DINO', 'dino_vit-demo', 1.5, 'vit'),
    'ibot': ('iBOT', 'ibot_vit-demo', 1.6, 'vit'),
    'attmask-high': ('AttMask-High on iBOT', 'attmask-high-ibot_vit-demo', 1.7, 'vit'),
    'attmask-hint': ('AttMask-Hint on iBOT', 'attmask-hint-ibot_vit-demo', 1.7, 'vit'),
    'attmask-low': ('AttMask-Low on iBOT', 'attmask-low-ibot_vit-demo', 1.7, 'vit'),
    'attmask-dino': ('AttMask-High on DINO', 'attmask-high-dino_vit-demo', 1.6, 'vit'),
    'mst': ('MST', 'mst_vit-demo', 1.9, 'vit'),
    'mae': ('MAE', 'mae_vit-demo', 0.8, 'mae'),
    'gpa': ('GPA on MAE', 'gpa_vit-demo', 1.1, 'mae'),
    'ccmim': ('ccMIM', 'ccmim_vit-demo', 1.1, 'mae'),
}
# How the features of a network are measured: title, config, options.
_networks = {
    'vit': ("ViT, DINO's initial weights", 'knn_vit-demo', {}),
    'mae': (
        "ViT, MAE's initial weights",
        'knn_vit-demo',
        {
            'model.backbone.mask_mode': 'drop',
            'model.backbone.pos_embed': 'sincos',
            'model.backbone.init': 'mae',
        },
    ),
}
_seeds = range(3)

protocols = {
    f'pretrain-{name}': dict(
        title=title,
        run='train',
        config=f'configs/demo/{config}_material-scenes.py',
        minutes=minutes,
        values={
            'epochs': 'train_cfg.max_epochs',
            'batch': 'train_dataloader.batch_size',
            'learning rate': 'optim_wrapper.optimizer.lr',
        },
    )
    for name, (title, config, minutes, network) in _systems.items()
}
protocols.update(
    {
        f'knn-{network}': dict(
            title=f'k-NN, {title}',
            note='Weighted vote of the nearest training images by the frozen feature.',
            run='test',
            config=f'configs/demo/{config}_material-scenes.py',
            options=options,
            minutes=0.2,
            baseline='untrained',
            metrics={'knn/top1_k20': 'top-1, % (k = 20)'},
            values={'temperature': 'test_cfg.temperature', 'feature': 'test_cfg.feature'},
        )
        for network, (title, config, options) in _networks.items()
    }
)

tasks = [
    dict(name=f'{name}-s{seed}', protocol=f'pretrain-{name}', seed=seed)
    for name in _systems
    for seed in _seeds
]
tasks += [
    dict(
        name=f'knn-untrained-{network}-s{seed}',
        protocol=f'knn-{network}',
        arm='untrained',
        seed=seed,
        weights='none',
    )
    for network in _networks
    for seed in _seeds
]
tasks += [
    dict(
        name=f'knn-{name}-s{seed}',
        protocol=f'knn-{network}',
        arm=title,
        seed=seed,
        weights=f'{name}-s{seed}',
    )
    for name, (title, config, minutes, network) in _systems.items()
    for seed in _seeds
]
