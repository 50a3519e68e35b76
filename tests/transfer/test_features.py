"""Features of an image before the transfer are the features after it, in every model."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from foreign_checkpoints import block_outputs
from mmengine.config import Config
from mmengine.registry import MODELS as ROOT
from mmengine.registry import DefaultScope
from mmpretrain.registry import MODELS
from tiny_backbones import below, randomise

from mmmask.utils.errors import UserError

CONFIGS = Path(__file__).parents[2] / 'configs'
DEMO = ('mask-rcnn_vit-demo_material-scenes.py', 'upernet_vit-demo_material-scenes.py')


def pretrained(cfg: Config, tmp_path: Path) -> tuple[dict, str]:
    """Backbones of both sides as pre-training builds them, and its checkpoint."""
    options = {key: cfg.demo_backbone[key] for key in ('arch', 'img_size', 'patch_size')}
    backbone = dict(type='mmpretrain.MaskedVisionTransformer', **options)
    sides = {
        side: randomise(MODELS.build(backbone), i) for i, side in enumerate(('student', 'teacher'))
    }
    text = Config(dict(model=dict(type='SelfDistillation', backbone=backbone))).pretty_text
    state_dict = below('backbone.', sides['student']) | below('teacher.backbone.', sides['teacher'])
    path = tmp_path / 'pretraining.pth'
    torch.save(dict(state_dict=state_dict, meta=dict(cfg=text)), path)
    return sides, str(path)


def build(cfg: Config):
    with DefaultScope.overwrite_default_scope(cfg.default_scope):
        model = ROOT.build(cfg.model)
        model.init_weights()
    return model


def feature_difference(backbone, other, images) -> float:
    """Largest difference of the tokens behind all blocks; final norms may differ on purpose."""
    sides = [block_outputs(model.layers, model, images) for model in (backbone, other)]
    return max((mine - its).abs().max().item() for mine, its in zip(*sides, strict=True))


@pytest.mark.parametrize('name', DEMO)
@pytest.mark.parametrize('source', ['teacher', 'student', 'auto'])
def test_equal_in_detectors_and_segmenters(name, source, tmp_path):
    cfg = Config.fromfile(CONFIGS / 'demo' / name)
    sides, path = pretrained(cfg, tmp_path)
    cfg.merge_from_dict(
        {'model.backbone.init_cfg.checkpoint': path, 'model.backbone.init_cfg.source': source}
    )
    model = build(cfg)
    expected = sides['teacher' if source == 'auto' else source]
    other = sides['student' if source != 'student' else 'teacher']
    size, patch = cfg.demo_backbone['img_size'], cfg.demo_backbone['patch_size']
    for height, width in ((size, size), (4 * patch, 6 * patch), (2 * size + 3, size)):
        images = torch.randn(2, 3, height, width)
        assert feature_difference(expected, model.backbone, images) == 0
        assert feature_difference(other, model.backbone, images) > 0.1
    # the output is the last block's patches, without the final norm
    expected.eval(), model.eval()
    outputs = []
    hook = expected.layers[-1].register_forward_hook(lambda _, __, out: outputs.append(out))
    expected(images)
    hook.remove()
    rows = -(-images.shape[2] // patch)
    tokens = outputs[0][:, 1:].unflatten(1, (rows, -1)).permute(0, 3, 1, 2)
    assert torch.equal(model.backbone(images)[-1], tokens)


@pytest.mark.parametrize('name', DEMO)
def test_a_checkpoint_must_be_set(name):
    cfg = Config.fromfile(CONFIGS / 'demo' / name)
    with pytest.raises(UserError, match='model.backbone.init_cfg=None to train from scratch'):
        build(cfg)
    cfg.model.backbone.init_cfg = None
    build(cfg)


@pytest.mark.parametrize(
    'path, stage, blocks',
    [
        ('mmdet/mask-rcnn-sfp_vit-small-p16_8xb2-1x_coco.py', (56, 28, 14, 7, 4), [11]),
        ('mmseg/upernet_vit-small-p16_8xb2-160k_ade20k-512x512.py', (56, 28, 14, 7), [3, 5, 7, 11]),
    ],
)
def test_configs_of_the_papers_size(path, stage, blocks):
    cfg = Config.fromfile(CONFIGS / 'transfer' / path)
    assert cfg.model.backbone.init_cfg.checkpoint == 'SET-ME'
    cfg.model.backbone.init_cfg = None
    cfg.model.backbone.img_size = 224
    cfg.model.neck.pop('norm_cfg', None)
    with DefaultScope.overwrite_default_scope(cfg.default_scope):
        model = ROOT.build(cfg.model)
    model.neck.eval(), model.backbone.eval()
    with torch.no_grad():
        maps = model.backbone(torch.randn(1, 3, 224, 224))
        assert [level.shape[-1] for level in model.neck(maps)] == list(stage)
    assert list(model.backbone.out_indices) == blocks
