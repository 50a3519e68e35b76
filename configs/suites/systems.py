# Every system at the demo's size, pre-trained on the embedded data without labels: what the
# features are worth before and after. Three seeds of the papers' systems and of what they stand on,
# one of their relatives.
#     mmmask suite mmmask::suites/systems.py --work-dir work_dirs/systems
title = 'The systems side by side'
description = (
    'Small networks are pre-trained without a label on images of twelve materials; k-NN accuracy '
    'of their features on images that share no pixel with these, before and after. The rows are no '
    'ranking: budgets and networks differ, every recipe is a short one, and the images are tiny.'
)
prepare = dict(
    command=['-m', 'mmmask', 'prepare-demo', '--out', 'data/material_scenes'],
    data=['data/material_scenes/*/manifest.json'],
)

# Demo config -> title, seeds, expected minutes.
_systems = {
    'dino_vit': ('DINO', 3, 1.8),
    'ibot_vit': ('iBOT', 3, 2.0),
    'random-ibot_vit': ('random masks on iBOT', 1, 2.0),
    'attmask-high-ibot_vit': ('AttMask-High on iBOT', 3, 2.0),
    'attmask-hint-ibot_vit': ('AttMask-Hint on iBOT', 1, 2.0),
    'attmask-low-ibot_vit': ('AttMask-Low on iBOT', 1, 2.0),
    'attmask-high-dino_vit': ('AttMask-High on DINO', 1, 1.9),
    'mst_vit': ('MST', 3, 2.5),
    'mst_swin': ('MST, Swin', 1, 5.0),
    'mae_vit': ('MAE', 3, 0.8),
    'gpa_vit': ('GPA on MAE', 3, 1.2),
    'convmae_conv': ('ConvMAE', 1, 2.0),
    'cae_vit': ('CAE', 1, 1.5),
    'gpa-cae_vit': ('GPA on CAE', 1, 1.7),
    'ccmim_vit': ('ccMIM', 3, 1.1),
    'mocov3_vit': ('MoCo v3', 1, 1.5),
    'maskfeat_vit': ('MaskFeat', 1, 1.5),
    'beit_vit': ('BEiT', 1, 1.5),
    'simmim_swin': ('SimMIM, Swin', 1, 2.0),
    'byol_resnet': ('BYOL, ResNet', 1, 2.0),
}
_metrics = {
    'knn/untrained_top1_k20': 'k-NN before, top-1 % (k = 20)',
    'knn/top1_k20': 'after',
}

protocols = {
    config: dict(
        title=title,
        run='train',
        config=f'mmmask::demo/{config}-demo_material-scenes.py',
        minutes=minutes,
        metrics=_metrics,
        values={
            'feature': 'default_hooks.knn.feature',
            'epochs': 'train_cfg.max_epochs',
            'batch': 'train_dataloader.batch_size',
            'learning rate': 'optim_wrapper.optimizer.lr',
        },
    )
    for config, (title, seeds, minutes) in _systems.items()
}
tasks = [
    dict(name=f'{config}-s{seed}', protocol=config, seed=seed)
    for config, (title, seeds, minutes) in _systems.items()
    for seed in range(seeds)
]
