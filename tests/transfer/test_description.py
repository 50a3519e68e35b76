"""A network is described by its tensors' shapes, its file's words, and its format."""

from __future__ import annotations

import json
import math
from collections import OrderedDict

import pytest
import torch
from foreign_checkpoints import (
    HEADS,
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
    timm_vit,
)
from mmpretrain.registry import MODELS
from tiny_backbones import CONFIG_TEXT

from mmmask.transfer import (
    Allowed,
    compare_with_source,
    load_strictly,
    read_checkpoint,
    select_backbone,
)
from mmmask.transfer.checkpoint import Checkpoint
from mmmask.transfer.description import (
    backbone_config,
    norm_eps,
    num_heads,
    patch_grid,
)
from mmmask.transfer.names import TIMM_VIT, from_mmpretrain
from mmmask.transfer.normalisation import KNOWN, Normalisation, pretraining_normalisation
from mmmask.transfer.settings import settings_of
from mmmask.transfer.suggest import build_suggested, suggest_backbone
from mmmask.utils.errors import UserError

IMAGENET = KNOWN['imagenet']


def described(path):
    """The settings of a file's network, the normalisation of its images, and where it is from."""
    checkpoint = read_checkpoint(str(path))
    selection = select_backbone(checkpoint)
    images, place = pretraining_normalisation(checkpoint, selection)
    return settings_of(checkpoint, selection), images, place


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
    settings = settings_of(checkpoint, select_backbone(checkpoint))
    assert settings.heads == heads
    assert heads is None or settings.heads_from.startswith('the published architectures (')


def test_heads_of_cae():
    """Its ViT-S has MoCo v3's; without the prefix nothing tells it from another's."""
    names = vit_names('', 384, 12)
    names['blocks.0.attn.q_bias'] = torch.zeros(384)
    full = {
        f'{side}.{name}': value for side in ('encoder', 'teacher') for name, value in names.items()
    }
    for tensors, heads in ((full, 12), (names, None)):
        checkpoint = Checkpoint('x.pth', OrderedDict(tensors))
        assert settings_of(checkpoint, select_backbone(checkpoint)).heads == heads


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
    assert settings_of(checkpoint, select_backbone(checkpoint)).heads == heads


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
    settings, images, _ = described(write(tmp_path).path)
    assert (settings.heads, images, settings.norm_eps) == (heads, normalisation, eps)


def test_hugging_face_s_descriptions(tmp_path):
    case = hugging_face_vit(tmp_path)
    (tmp_path / 'preprocessor_config.json').write_text(
        json.dumps(dict(image_mean=[0.5, 0.25, 0.0], image_std=[0.5, 0.5, 1.0]))
    )
    settings, images, place = described(case.path)
    assert images == Normalisation((127.5, 63.75, 0.0), (127.5, 127.5, 255.0))
    assert (settings.heads_from, place) == ('its config.json', 'its preprocessor_config.json')
    (tmp_path / 'config.json').write_text('{"name": "somebody else\'s"}')
    assert described(case.path)[1] is None


def test_epsilon_of_models_with_a_norm_in_front_is_unknown(tmp_path):
    """timm's CLIP has 1e-5 where its other ViTs have 1e-6."""
    path = tmp_path / 'clip.pth'
    torch.save(timm_vit(pre_norm=True).state_dict(), path)
    assert described(path)[0].norm_eps is None


def test_descriptions_of_another_model_in_the_folder(tmp_path):
    """A Hugging Face model's tell nothing of a file in other names, or of another size."""
    config = dict(model_type='vit', num_attention_heads=4, layer_norm_eps=0.5)
    half = dict(image_mean=[0.5] * 3, image_std=[0.5] * 3)
    (tmp_path / 'preprocessor_config.json').write_text(json.dumps(half))
    torch.save(vit_names('base_encoder.', 384, 12), tmp_path / 'moco.pth')
    same_size = dict(config, hidden_size=384, num_hidden_layers=12)
    (tmp_path / 'config.json').write_text(json.dumps(same_size))
    settings, images, _ = described(tmp_path / 'moco.pth')
    assert (settings.heads, settings.norm_eps, images) == (12, 1e-6, IMAGENET)
    case = hugging_face_vit(tmp_path)
    mine = json.loads((tmp_path / 'config.json').read_text())
    for key in ('hidden_size', 'num_hidden_layers'):
        (tmp_path / 'config.json').write_text(json.dumps(dict(mine, **{key: mine[key] + 4})))
        settings, images, _ = described(case.path)
        assert (settings.heads, settings.norm_eps, images) == (None, 1e-12, None)


def test_another_number_of_heads_than_the_published(tmp_path):
    arch = dict(embed_dims=192, num_layers=12, num_heads=6, feedforward_channels=8)
    source = MODELS.build(dict(type='mmpretrain.VisionTransformer', arch=arch, img_size=32))
    path = tmp_path / 'deit.pth'
    torch.save(dict(model=from_mmpretrain(TIMM_VIT, source.state_dict())), path)

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


def config_of(text: object) -> dict:
    return backbone_config(Checkpoint('x.pth', OrderedDict(), dict(cfg=text)))


def test_values_of_mmengine_s_text():
    config = config_of(CONFIG_TEXT)
    assert config['type'] == 'MaskedVisionTransformer'
    assert num_heads(config) == 3
    assert patch_grid(config) == (6, 6)


@pytest.mark.parametrize(
    'backbone, heads, grid',
    [
        (dict(type='VisionTransformer', arch='deit-small'), 6, (14, 14)),
        (dict(type='mmpretrain.VisionTransformer'), 12, (14, 14)),  # the class's defaults
        (dict(type='MAEViT', arch='l', img_size=(64, 96), patch_size=32), 16, (2, 3)),
        (dict(type='MaskedVisionTransformer', arch='b', img_size=100), 12, (7, 7)),
        (dict(type='NobodyKnows', img_size=32), None, None),
        (dict(type='ResNet', depth=50), None, None),
        (dict(type='VisionTransformer', embed_dims=12, num_heads=3), 3, None),  # mmseg's own
        (dict(type='VisionTransformer', embed_dims=12, img_size=32, patch_size=8), None, (4, 4)),
        ({}, None, None),
    ],
)
def test_names_and_defaults_come_from_registered_classes(backbone, heads, grid):
    assert num_heads(backbone) == heads
    assert patch_grid(backbone) == grid


@pytest.mark.parametrize(
    'backbone, eps',
    [
        (dict(type='VisionTransformer', arch='b'), 1e-6),
        (dict(type='VisionTransformer', embed_dims=768), None),  # mmseg's own has another default
        (dict(type='VisionTransformer', num_heads=12, norm_cfg=dict(type='LN', eps=1e-6)), 1e-6),
        (dict(type='VisionTransformer', num_heads=12, norm_cfg=dict(type='LN')), 1e-5),
    ],
)
def test_epsilon(backbone, eps):
    assert norm_eps(backbone) == eps


def test_nothing_runs_and_nothing_is_imported(tmp_path):
    text = (
        f"import antigravity\nopen('{tmp_path}/ran', 'w')\n"
        f"model = dict(backbone=dict(type='this.Zen', arch=open('{tmp_path}/ran', 'w')))\n"
    )
    config = config_of(text)
    assert config['type'] == 'this.Zen' and num_heads(config) is None
    assert not (tmp_path / 'ran').exists()


@pytest.mark.parametrize(
    'text', [None, 3, '', 'no python (', 'model = 3', 'x = dict(a=1)', '(' * 5000, 'model = dict()']
)
def test_other_texts_tell_nothing(text):
    assert config_of(text) == {}


def with_config_json(case, **changes):
    """A case whose config.json says something else."""
    path = case.path.with_name('config.json')
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))
    return case.path


@pytest.mark.parametrize(
    'changes, activation, unlike',
    [
        ({}, 'GELU', ''),
        (dict(hidden_act='quick_gelu'), 'QuickGELU', ''),
        (dict(hidden_act='gelu_pytorch_tanh'), 'GELU(tanh)', ''),
        (dict(hidden_act='relu'), None, "no backbone here has the activation 'relu'"),
        (dict(model_type='yolos'), None, "what a model of type 'yolos' computes isn't known here"),
    ],
)
def test_a_config_json_names_the_model(changes, activation, unlike, tmp_path):
    settings, _, _ = described(with_config_json(hugging_face_vit(tmp_path), **changes))
    assert settings.model == 'ViTForImageClassification (its config.json)'
    assert (settings.activation, settings.unlike) == (activation, unlike)


def test_another_activation_is_loaded_into_the_same_only(tmp_path):
    """The features are those of a ViT whose MLP has x * sigmoid(1.702 x)."""
    path = with_config_json(hugging_face_vit(tmp_path), hidden_act='quick_gelu')
    checkpoint = read_checkpoint(str(path))
    selection = select_backbone(checkpoint)
    config = suggest_backbone(selection.tensors, settings_of(checkpoint, selection))
    backbone = build_suggested(config)
    load_strictly(backbone, checkpoint, selection, Allowed())
    proof = compare_with_source(backbone, checkpoint, selection)
    assert proof.verdict == 'equal'
    hidden, tokens = backbone.layers[0].ffn.layers[0], torch.randn(1, 3, 8).double()
    by_hand = tokens @ hidden[0].weight.double().T + hidden[0].bias.double()
    by_hand = by_hand / (1 + torch.exp(-1.702 * by_hand))
    torch.testing.assert_close(hidden.double()(tokens), by_hand)
    plain = build_suggested({key: value for key, value in config.items() if key != 'layer_cfgs'})
    with pytest.raises(UserError, match='activation QuickGELU in the file .*, GELU in the'):
        load_strictly(plain, checkpoint, selection, Allowed())


@pytest.mark.parametrize(
    'name, model',
    [
        ('vit_small', 'vit_small (the options in the file)'),
        ('mae_vit_base_patch16', 'mae_vit_base_patch16 (the options in the file)'),
        ('swin_tiny', 'swin_tiny (the options in the file)'),
        ('vit_small_rope', ''),  # somebody's own
        ('my_vit', ''),
    ],
)
def test_options_of_published_trainings_name_the_model(name, model):
    for about in (dict(args=dict(arch=name)), dict(args=dict(model=name)), dict(arch=name)):
        checkpoint = Checkpoint('x.pth', vit_names('', 384, 12), about=about)
        assert settings_of(checkpoint, select_backbone(checkpoint)).model == model
