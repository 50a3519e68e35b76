"""A tiny data set in folders, and configs that measure frozen features on it."""

import numpy as np
from mmengine.config import Config
from PIL import Image

BACKBONE = dict(
    type='VisionTransformer',
    arch=dict(embed_dims=12, num_layers=2, num_heads=2, feedforward_channels=24),
    img_size=16,
    patch_size=8,
)


def two_colours(root):
    """Make two flat colours with noise, 6 images each to train and 2 each to test."""
    generator = np.random.default_rng(0)
    for split, count in (('train', 6), ('val', 2)):
        for name, colour in (('blue', (20, 30, 200)), ('red', (200, 30, 20))):
            (root / split / name).mkdir(parents=True)
            for i in range(count):
                noise = generator.integers(-20, 20, (16, 16, 3))
                image = np.clip(np.array(colour) + noise, 0, 255).astype(np.uint8)
                Image.fromarray(image).save(root / split / name / f'{i}.png')
    return str(root)


def loader(root, split):
    """Config of a loader of one split."""
    pipeline = [dict(type='LoadImageFromFile'), dict(type='PackInputs')]
    return dict(
        batch_size=5,
        num_workers=0,
        sampler=dict(type='DefaultSampler', shuffle=False),
        dataset=dict(
            type='CustomDataset',
            data_root=root,
            data_prefix=split,
            pipeline=pipeline,
            serialize_data=False,
        ),
    )


def config(root, work_dir, **test_cfg):
    """Config of a test by `KNNLoop`; options change `test_cfg`."""
    return Config(
        dict(
            default_scope='mmpretrain',
            work_dir=str(work_dir),
            model=dict(
                type='FrozenBackbone',
                backbone=BACKBONE,
                data_preprocessor=dict(mean=[127.0] * 3, std=[64.0] * 3, to_rgb=True),
            ),
            test_dataloader=loader(root, 'val'),
            test_evaluator=[],
            test_cfg=dict(type='KNNLoop', **{'bank_dataloader': loader(root, 'train'), **test_cfg}),
            randomness=dict(seed=0),
            experiment_name=f'knn-{work_dir.name}',
        )
    )
