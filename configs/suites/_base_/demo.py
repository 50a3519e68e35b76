# What the protocols of the papers' suites become with `mmmask suite SUITE --demo`: a dozen steps of
# the demo's networks on few of the embedded images. A suite then runs whole in minutes; its numbers
# say nothing. A paper's base takes them by `demo=_base_._demos.knn`.
demo = dict(
    prepare=dict(
        command=['-m', 'mmmask', 'prepare-demo', '--out', 'data/material_scenes'],
        data=['data/material_scenes/*/manifest.json'],
    )
)

_few = {
    'train_dataloader.dataset.max_per_class': 22,
    'val_dataloader.dataset.max_per_class': 20,
}
_four_epochs = {'train_cfg.max_epochs': 4, 'train_cfg.val_interval': 4}
_two_steps = {'train_cfg.max_iters': 2, 'train_cfg.val_interval': 2}
_twenty_steps = {
    'train_cfg.max_iters': 20,
    'train_cfg.val_interval': 20,
    'param_scheduler': None,
}
_few_scenes = {'train_dataloader.batch_size': 2, 'val_dataloader.dataset.indices': 4}

_smallest = {  # options of a pre-training, whose config the protocol states
    'train_cfg.max_epochs': 3,
    'train_dataloader.dataset.max_per_class': 22,
    'optim_wrapper.optimizer.lr': 0.005,  # few steps, behind a warm-up, tell arms apart
    'default_hooks.knn': None,
}
_smallest_teacher = {  # a pre-training whose teacher is evaluated
    **_smallest,
    'default_hooks.schedule.schedules.momentum.schedule.start': 0.5,
}
_demos = dict(
    knn=dict(
        config='mmmask::demo/knn_vit-demo_material-scenes.py',
        options={
            'test_cfg.bank_dataloader.dataset.max_per_class': 20,
            'test_dataloader.dataset.max_per_class': 20,
        },
    ),
    linear=dict(
        config='mmmask::demo/linear_vit-demo_material-scenes.py',
        options={**_few, **_four_epochs, 'model.lrs': (0.03, 0.3, 3.0)},
    ),
    linear_mae=dict(
        config='mmmask::demo/linear-mae_vit-demo_material-scenes.py',
        options={**_few, **_four_epochs, 'model.lrs': (300.0, 3000.0)},
    ),
    finetuning=dict(
        config='mmmask::demo/finetune_vit-demo_material-scenes.py',
        options={**_few, **_twenty_steps},
    ),
    detection=dict(
        config='mmmask::demo/mask-rcnn_vit-demo_material-scenes.py',
        options={**_few_scenes, **_two_steps},
    ),
    segmentation=dict(
        config='mmmask::demo/upernet_vit-demo_material-scenes.py',
        options={**_few_scenes, **_two_steps},
    ),
)
