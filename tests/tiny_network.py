"""A tiny network with its checkpoint, and three annotated images."""

import json

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmpretrain.registry import MODELS
from PIL import Image

CONFIG = """
default_scope = 'mmpretrain'
custom_imports = dict(imports=['mmmask.registration'], allow_failed_imports=False)
data_preprocessor = dict(
    type='SelfSupDataPreprocessor', mean=[100.0, 110.0, 120.0], std=[50.0, 60.0, 70.0], to_rgb=True
)
model = dict(
    type='SelfDistillation',
    backbone=dict(
        type='MaskedVisionTransformer',
        arch=dict(embed_dims=8, num_layers=2, num_heads=2, feedforward_channels=16),
        img_size=32,
        patch_size=8,
    ),
)
"""

SELF_DISTILLATION = dict(
    type='SelfDistillation',
    backbone=dict(
        type='MaskedVisionTransformer',
        arch=dict(embed_dims=8, num_layers=2, num_heads=2, feedforward_channels=16),
        img_size=16,
        patch_size=8,
        drop_path_rate=0.5,
    ),
    neck=dict(
        type='DINOProjection',
        in_channels=8,
        out_channels=4,
        hidden_channels=8,
        bottleneck_channels=4,
    ),
    head=dict(type='SelfDistillationHead', out_channels=4),
    masker=dict(type='HighAttentionMasker'),
    scorer=dict(type='TeacherScorer', attention=dict(type='AttentionTap')),
    data_preprocessor=dict(
        type='SelfSupDataPreprocessor', mean=[10, 20, 30], std=[1, 2, 4], to_rgb=True
    ),
)


@pytest.fixture
def config(tmp_path):
    """Path of the config."""
    path = tmp_path / 'tiny.py'
    path.write_text(CONFIG)
    return path


@pytest.fixture
def checkpoint(tmp_path):
    """Path of a file with a teacher and a student, which differ."""
    network = MODELS.build(Config.fromstring(CONFIG, '.py').model.backbone)
    generator = torch.Generator().manual_seed(0)
    state_dict = {
        prefix + name: torch.randn(value.shape, generator=generator)
        for prefix in ('teacher.backbone.', 'backbone.')
        for name, value in network.state_dict().items()
    }
    path = tmp_path / 'tiny.pth'
    torch.save(dict(state_dict=state_dict, meta=dict(cfg=CONFIG)), path)
    return path


def outline(left: int, top: int, right: int, bottom: int) -> list[list[int]]:
    """A rectangle's pixels as a COCO polygon."""
    return [[left, top, right, top, right, bottom, left, bottom]]


@pytest.fixture
def scenes(tmp_path):
    """Annotations and folder of three images: two objects that overlap; a crowd and a small one;
    the right half of a wide one."""
    folder = tmp_path / 'images'
    folder.mkdir()
    sizes = [(32, 32), (32, 32), (64, 32)]  # width, height
    images = []
    for number, (width, height) in enumerate(sizes, start=1):
        pixels = np.random.default_rng(number).integers(0, 256, (height, width, 3), np.uint8)
        Image.fromarray(pixels).save(folder / f'{number}.png')
        images.append(dict(id=number, file_name=f'{number}.png', width=width, height=height))
    crowd = dict(size=[32, 32], counts=[0, 1024])
    objects = [
        dict(image_id=1, iscrowd=0, segmentation=outline(0, 0, 16, 8)),
        dict(image_id=1, iscrowd=0, segmentation=outline(8, 0, 16, 16)),
        dict(image_id=2, iscrowd=1, segmentation=crowd),
        dict(image_id=2, iscrowd=0, segmentation=outline(20, 20, 24, 24)),
        dict(image_id=3, iscrowd=0, segmentation=outline(32, 0, 64, 32)),
    ]
    for number, item in enumerate(objects, start=1):
        item.update(id=number, category_id=1, area=1, bbox=[0, 0, 1, 1])
    categories = [dict(id=1, name='thing')]
    path = tmp_path / 'instances.json'
    path.write_text(json.dumps(dict(images=images, annotations=objects, categories=categories)))
    return path, folder


@pytest.fixture
def arguments(config, checkpoint, scenes, tmp_path):
    """Give a complete command line of a tool that looks at annotated images."""
    annotations, images = map(str, scenes)
    given = ['--annotations', annotations, '--images', images, '--out', str(tmp_path / 'out')]
    return [str(config), str(checkpoint), *given]
