"""What is known of a checkpoint besides its tensors: by its own word, or by its format."""

from __future__ import annotations

import argparse
import json
import math
from collections import OrderedDict

import pytest
import torch
from foreign_checkpoints import (
    HEADS,
    WIDTH,
    beit,
    beit_v2,
    cae,
    deit,
    dino,
    hugging_face_dinov2,
    hugging_face_vit,
    ibot_swin_student,
    mae,
    mmpretrain_model,
    mmseg_vit,
    moco_v3,
    swin,
    timm_layer_scale,
    timm_safetensors,
    timm_vit,
)
from mmpretrain.registry import MODELS
from tiny_backbones import below

from mmmask.transfer import read_checkpoint, select_backbone
from mmmask.transfer.checkpoint import Checkpoint
from mmmask.transfer.dialects import DIALECTS, to_ours, to_theirs
from mmmask.transfer.facts import facts
from mmmask.transfer.formats import available_sources, format_of, known_below
from mmmask.transfer.normalisation import Normalisation
from mmmask.utils.errors import UserError

HALF = Normalisation((127.5,) * 3, (127.5,) * 3)
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
        ('', 1280, 32, 16),
        ('', 1408, 40, 16),
        ('', 1536, 40, 24),
        ('', 384, 8, None),  # nobody's
    ],
)
def test_heads_of_published_architectures(prefix, width, depth, heads):
    checkpoint = Checkpoint('x.pth', vit_names(prefix, width, depth))
    known = facts(checkpoint, select_backbone(checkpoint))
    assert known.heads == heads
    assert heads is None or known.heads_from.startswith('the published architectures (')


def test_heads_of_cae():
    """Its ViT-S has MoCo v3's; without the prefix nothing tells it from another's."""
    names = vit_names('', 384, 12)
    names['blocks.0.attn.q_bias'] = torch.zeros(384)
    full = {
        f'{side}.{name}': value for side in ('encoder', 'teacher') for name, value in names.items()
    }
    for tensors, heads in ((full, 12), (names, None)):
        checkpoint = Checkpoint('x.pth', OrderedDict(tensors))
        assert facts(checkpoint, select_backbone(checkpoint)).heads == heads


def fixed_positions(width: int, side: int) -> torch.Tensor:
    """MoCo v3's and MAE's: sines and cosines of the column, then of the row; CLS has zeros."""
    rows = [[0.0] * width]
    for row in range(side):
        for column in range(side):
            angles = [
                [at * 10000 ** (-4 * k / width) for k in range(width // 4)] for at in (column, row)
            ]
            rows.append([wave(a) for part in angles for wave in (math.sin, math.cos) for a in part])
    return torch.tensor([rows])


@pytest.mark.parametrize(
    'width, beside, noise, heads',
    [
        (384, [], 0.0, None),  # MoCo v3's, converted to DeiT's names, or an MAE's encoder
        (384, [], 0.1, 6),  # trained positions: DINO's, DeiT's
        (384, ['decoder_embed.weight'], 0.0, 6),  # MAE's for certain
        (768, [], 0.0, 12),  # the same in both
    ],
)
def test_fixed_positions_leave_the_heads_of_a_small_vit_open(width, beside, noise, heads):
    tensors = vit_names('', width, 12)
    positions = fixed_positions(width, 2)
    tensors['pos_embed'] = (positions + noise * positions.roll(1, -1)).half()
    tensors['cls_token'] = torch.zeros(1, 1, width)
    tensors.update({name: torch.zeros(1) for name in beside})
    checkpoint = Checkpoint('x.pth', tensors)
    assert facts(checkpoint, select_backbone(checkpoint)).heads == heads


@pytest.mark.parametrize(
    'write, heads, normalisation, eps',
    [
        (dino, None, IMAGENET, 1e-6),
        (mae, None, IMAGENET, 1e-6),
        (moco_v3, None, IMAGENET, 1e-6),
        (swin, None, IMAGENET, 1e-5),
        (beit, None, None, 1e-6),  # BEiT's own and BEiT v2's are normalised differently
        (beit_v2, None, IMAGENET, 1e-6),
        (cae, None, IMAGENET, 1e-6),
        (ibot_swin_student, None, IMAGENET, 1e-6),
        (hugging_face_dinov2, 2, IMAGENET, 1e-6),
        (deit, None, None, 1e-6),  # by its names it could be any of timm's
        (timm_layer_scale, None, None, 1e-6),
        (mmseg_vit, HEADS, None, 1e-5),
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


@pytest.mark.parametrize('option, values', [(True, IMAGENET), (False, HALF), (None, None)])
def test_normalisation_by_beit_s_option(option, values, tmp_path):
    case = beit(tmp_path)
    content = torch.load(case.path)
    options = {} if option is None else dict(imagenet_default_mean_and_std=option)
    torch.save(dict(content, args=argparse.Namespace(model='beit', **options)), case.path)
    known = facts_of(case.path)
    assert known.normalisation == values
    assert known.normalisation_from == ('the options in the file' if values else '')


def test_epsilon_of_models_with_a_norm_in_front_is_unknown(tmp_path):
    """timm's CLIP has 1e-5 where its other ViTs have 1e-6."""
    path = tmp_path / 'clip.pth'
    torch.save(timm_vit(pre_norm=True).state_dict(), path)
    assert facts_of(path).norm_eps is None


def test_descriptions_of_another_model_in_the_folder(tmp_path):
    """A Hugging Face model's tell nothing of a file in other names, or of another size."""
    config = dict(model_type='vit', num_attention_heads=4, layer_norm_eps=0.5)
    half = dict(image_mean=[0.5] * 3, image_std=[0.5] * 3)
    (tmp_path / 'preprocessor_config.json').write_text(json.dumps(half))
    torch.save(vit_names('base_encoder.', 384, 12), tmp_path / 'moco.pth')
    same_size = dict(config, hidden_size=384, num_hidden_layers=12)
    (tmp_path / 'config.json').write_text(json.dumps(same_size))
    known = facts_of(tmp_path / 'moco.pth')
    assert (known.heads, known.norm_eps, known.normalisation) == (12, 1e-6, IMAGENET)
    case = hugging_face_vit(tmp_path)
    mine = json.loads((tmp_path / 'config.json').read_text())
    for key in ('hidden_size', 'num_hidden_layers'):
        (tmp_path / 'config.json').write_text(json.dumps(dict(mine, **{key: mine[key] + 4})))
        known = facts_of(case.path)
        assert (known.heads, known.norm_eps, known.normalisation) == (None, 1e-12, None)


@pytest.mark.parametrize('features, values', [(WIDTH, HALF), (WIDTH + 1, None)])
def test_timm_s_description(features, values, tmp_path):
    path = timm_safetensors(tmp_path).path
    config = dict(mean=[0.5] * 3, std=[0.5] * 3)
    content = dict(architecture='vit', num_features=features, pretrained_cfg=config)
    (tmp_path / 'config.json').write_text(json.dumps(content))
    known = facts_of(path)
    assert known.normalisation == values
    assert known.normalisation_from == ('its config.json' if values else '')


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
    if dialect.name == 'DINOv2, in chunks':  # which one a block is in isn't known when writing
        plain = next(other for other in DIALECTS if other.name == 'DINOv2')
        theirs = {
            name.replace('blocks.1.', 'blocks.0.1.'): value
            for name, value in to_theirs(plain, ours).items()
        }
        assert 'blocks.0.1.norm1.weight' in theirs
    else:
        theirs = to_theirs(dialect, ours)
    back, others = to_ours(dialect, theirs)
    assert not others and set(back) == set(ours)
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


@pytest.mark.parametrize(
    'name, prefixes',
    [
        ('encoder.patch_embed.proj.weight', ['encoder.']),
        ('net.backbone.patch_embed.proj.weight', ['net.backbone.']),
        ('model.patch_embed.projection.weight', ['model.']),
        ('patch_embed.proj.weight', []),
        ('encoder.my_patch_embed.proj.weight', []),
        ('encoder.stem.weight', []),
    ],
)
def test_prefixes_below_which_a_backbone_is_known(name, prefixes):
    below_what = name.rpartition('patch_embed')[0]
    names = (name, f'{below_what}blocks.0.attn.qkv.weight', 'decoder.0.weight', 'mask_token')
    checkpoint = Checkpoint('x.pth', OrderedDict((name, torch.zeros(1)) for name in names))
    assert known_below(checkpoint) == prefixes


def test_names_that_no_dialect_knows_below_a_prefix():
    names = ('stem.patch_embed.proj.weight', 'stem.stages.0.conv.weight')
    checkpoint = Checkpoint('x.pth', OrderedDict((name, torch.zeros(1)) for name in names))
    assert known_below(checkpoint) == []


def test_a_teacher_beside_others_is_no_backbone_s_format():
    """Only where a student is, too: below 'teacher.' may be anything's."""
    tensors = {f'{part}.a': torch.zeros(1) for part in ('teacher', 'student', 'neck')}
    both = Checkpoint('x.pth', OrderedDict(tensors))
    assert available_sources(both) == ['teacher', 'student']
    del tensors['student.a']
    assert available_sources(Checkpoint('x.pth', OrderedDict(tensors))) == ['student']
    assert format_of(tensors).name == 'bare backbone'
