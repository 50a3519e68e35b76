"""What is known of a checkpoint besides its tensors: by its own word, or by its format."""

from __future__ import annotations

import json
from collections import OrderedDict

import pytest
import torch
from foreign_checkpoints import (
    HEADS,
    beit,
    deit,
    dino,
    hugging_face_vit,
    mae,
    mmpretrain_model,
    mmseg_vit,
    moco_v3,
    swin,
    timm_layer_scale,
)
from mmpretrain.registry import MODELS
from tiny_backbones import below

from mmmask.errors import UserError
from mmmask.transfer import read_checkpoint, select_backbone
from mmmask.transfer.checkpoint import Checkpoint
from mmmask.transfer.dialects import DIALECTS, to_ours, to_theirs
from mmmask.transfer.facts import facts
from mmmask.transfer.normalisation import Normalisation, normalisation_of_config

IMAGENET = Normalisation((123.675, 116.28, 103.53), (58.395, 57.12, 57.375))


def facts_of(path):
    checkpoint = read_checkpoint(str(path))
    return facts(checkpoint, select_backbone(checkpoint))


def vit_names(prefix: str, width: int, depth: int) -> OrderedDict:
    """As little of a ViT in timm's names as shows its shape."""
    tensors = {'patch_embed.proj.weight': torch.zeros(width, 3, 16, 16)}
    for block in range(depth):
        tensors[f'blocks.{block}.attn.qkv.weight'] = torch.zeros(3, 1)
    return OrderedDict((prefix + name, value) for name, value in tensors.items())


@pytest.mark.parametrize(
    'prefix, width, depth, heads',
    [
        ('', 192, 12, 3),
        ('', 384, 12, 6),
        ('teacher.backbone.', 768, 12, 12),
        ('base_encoder.', 384, 12, 12),  # MoCo v3's ViT-S has narrower heads
        ('base_encoder.', 768, 12, 12),
        ('', 1024, 24, 16),
        ('', 384, 8, None),  # nobody's
    ],
)
def test_heads_of_published_architectures(prefix, width, depth, heads):
    checkpoint = Checkpoint('x.pth', vit_names(prefix, width, depth))
    known = facts(checkpoint, select_backbone(checkpoint))
    assert known.heads == heads
    assert heads is None or known.heads_from.startswith('the published architectures (')


@pytest.mark.parametrize(
    'write, heads, normalisation, eps',
    [
        (dino, None, IMAGENET, 1e-6),
        (mae, None, IMAGENET, 1e-6),
        (moco_v3, None, IMAGENET, 1e-6),
        (swin, None, IMAGENET, 1e-5),
        (beit, None, Normalisation((127.5,) * 3, (127.5,) * 3), 1e-6),
        (deit, None, None, 1e-6),  # by its names it could be any of timm's
        (timm_layer_scale, None, None, 1e-6),
        (mmseg_vit, None, None, 1e-5),
        (mmpretrain_model, HEADS, None, 1e-6),
        (hugging_face_vit, 2, None, 1e-12),
    ],
)
def test_of_formats(write, heads, normalisation, eps, tmp_path):
    known = facts_of(write(tmp_path).path)
    assert (known.heads, known.normalisation, known.norm_eps) == (heads, normalisation, eps)


def test_hugging_face_s_descriptions(tmp_path):
    case = hugging_face_vit(tmp_path)
    (tmp_path / 'preprocessor_config.json').write_text(
        json.dumps(dict(image_mean=[0.5, 0.25, 0.0], image_std=[0.5, 0.5, 1.0]))
    )
    known = facts_of(case.path)
    assert known.normalisation == Normalisation((127.5, 63.75, 0.0), (127.5, 127.5, 255.0))
    assert (known.heads_from, known.normalisation_from) == (
        'its config.json',
        'its preprocessor_config.json',
    )
    (tmp_path / 'config.json').write_text('{"name": "somebody else\'s"}')
    assert facts_of(case.path).normalisation is None


def test_normalisation_of_configs():
    inner = dict(mean=[1, 2, 3], std=[4, 5, 6])
    rgb = Normalisation((1, 2, 3), (4, 5, 6))
    assert normalisation_of_config(dict(data_preprocessor=dict(inner, to_rgb=True))) == rgb
    model = dict(data_preprocessor=dict(inner, bgr_to_rgb=True))
    outer = dict(mean=[0, 0, 0], std=[1, 1, 1])
    assert normalisation_of_config(dict(model=model, data_preprocessor=outer)) == rgb
    old = normalisation_of_config(dict(img_norm_cfg=inner))
    assert old == Normalisation((1, 2, 3), (4, 5, 6), 'BGR') and not old.agrees(rgb)
    assert normalisation_of_config(dict(model=dict())) is None
    assert rgb.agrees(Normalisation((1.2, 2, 3), (4, 5, 6.4)))
    assert not rgb.agrees(Normalisation((1.2, 2, 3), (4, 5, 6.6)))


def test_another_number_of_heads_than_the_published(tmp_path):
    arch = dict(embed_dims=192, num_layers=12, num_heads=6, feedforward_channels=8)
    source = MODELS.build(dict(type='mmpretrain.VisionTransformer', arch=arch, img_size=32))
    timm = next(dialect for dialect in DIALECTS if dialect.name == 'timm ViT')
    path = tmp_path / 'deit.pth'
    torch.save(dict(model=to_theirs(timm, source.state_dict())), path)

    def load(**options):
        init_cfg = dict(type='Pretrained', checkpoint=str(path), **options)
        vit = MODELS.build(
            dict(type='mmpretrain.VisionTransformer', arch=arch, img_size=32, init_cfg=init_cfg)
        )
        vit.init_weights()
        return vit

    with pytest.raises(UserError, match=r'heads 3 in the file \(from the published architectures'):
        load()
    assert torch.equal(
        load(allow=dict(heads=True)).layers[3].attn.qkv.weight, source.layers[3].attn.qkv.weight
    )
    with pytest.raises(UserError, match='allow.heads is True or False, not 6'):
        load(allow=dict(heads=6))


@pytest.mark.parametrize('dialect', DIALECTS, ids=lambda dialect: dialect.name)
def test_every_rule_reads_in_both_directions(dialect):
    """Distinct values arrive under distinct names, and back."""
    values = dict(i='1', j='2', p='weight', c='0')
    ours, seen = {}, set()
    for number, rule in enumerate(dialect.rules):
        if rule.theirs in seen:  # a gated MLP under the plain one's names: by their shapes
            continue
        seen.add(rule.theirs)
        name = rule.ours
        for key, value in values.items():
            name = name.replace(f'{{{key}}}', value)
        ours[name] = torch.arange(72.0).reshape(3, 24) + 100 * number
    theirs = to_theirs(dialect, ours) if dialect.name != 'DINOv2, in chunks' else None
    if theirs is None:
        return  # blocks' chunks aren't known when writing
    back, others = to_ours(dialect, theirs)
    assert not others
    for name, value in back.items():
        assert torch.equal(value.flatten(), ours[name].flatten()), name


def test_a_file_of_a_momentum_encoder_has_two_sources(tmp_path):
    case = mmpretrain_model(tmp_path)
    tensors = torch.load(case.path)['state_dict']
    model = MODELS.build(dict(case.backbone))
    momentum = below('momentum_encoder.module.0.', model)
    torch.save(dict(state_dict={**tensors, **momentum}), case.path)
    checkpoint = read_checkpoint(str(case.path))
    name = 'layers.0.attn.qkv.weight'
    student = select_backbone(checkpoint)
    teacher = select_backbone(checkpoint, 'teacher')
    assert torch.equal(student.tensors[name], tensors[f'backbone.{name}'])
    assert torch.equal(teacher.tensors[name], model.state_dict()[name])
    assert len(student.others) == len(momentum)
