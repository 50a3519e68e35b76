"""Find the settings of a network that its tensors don't show: in the file, beside it, published."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cache

import timm
import torch
from timm.layers import to_2tuple
from torch import nn

from mmmask.utils.errors import UserError, one_line

from .checkpoint import Checkpoint
from .description import (
    activation,
    activation_of,
    architecture,
    backbone_config,
    backbone_kinds,
    heads_of,
    kind_of,
    norm_eps,
    norm_eps_of,
    num_heads,
    patch_grid,
)
from .formats import BARE, Selection, select_backbone
from .names import NARROW_HEADS, TIMM_VIT
from .reference import block_outputs, build_reference, relative_differences

EXPORT_KEY = 'mmmask'
"""Entry of an exported file's metadata with a JSON of what its source said."""

PLAIN = {'VisionTransformer', 'BEiTViT', 'SwinTransformer', 'BEiT'}
"""Classes of mmpretrain, mmdet and mmseg that compute what timm's models compute."""

UNSAID = 'no rotary positions, GELU, and the usual attention scale and pooling'
"""What is assumed of a network that nothing names, in words: no tensor shows it."""

_PLAIN_OF_HUGGING_FACE = {
    *('vit', 'vit_mae', 'vit_msn', 'ijepa', 'dinov2', 'dinov2_with_registers'),
}
ACTIVATIONS_OF_HUGGING_FACE = {
    **dict.fromkeys(('gelu_python', 'gelu'), 'GELU'),
    **dict.fromkeys(('gelu_new', 'gelu_fast', 'gelu_pytorch_tanh'), 'GELU(tanh)'),
    'quick_gelu': 'QuickGELU',
}
"""Activations by ``hidden_act`` of a ``config.json``; of one activation the last is its name."""

# Options --arch and --model by which the published trainings of DINO, iBOT, MAE name a network.
_PUBLISHED = re.compile(
    r'(mae_|cae_|beit_)?(vit|deit|swin|small|base|large)(_(tiny|small|base|large|huge|giant2?))?'
    r'(_distilled)?(_patch\d+(_\w*)?)?'
)
_LARGE = 4e8  # parameters of a model that isn't built at its own size, only to look at it
_SAME = 1e-4  # of the features of two networks with random weights


@dataclass(frozen=True)
class Settings:
    """Settings of a network that no tensor's shape shows.

    Attributes:
        heads: Attention heads of each block; None if unknown.
        heads_from: Where the heads are known from, in words.
        norm_eps: Epsilon of layer norms; None if unknown.
        grid: Rows and columns of position embeddings; None if only a square can be assumed.
        model: The model that the file names and where, in words; '' if nothing names it, so that
            :data:`UNSAID` is an assumption.
        activation: Of the MLPs, e.g. 'GELU'; None if unknown or gated.
        unlike: Why no backbone here computes what the named model does; '' if one does.
        pos_embed_resize: How the network resizes position embeddings to another grid, 'size' or
            'dino'; None if unknown.
    """

    heads: int | None = None
    heads_from: str = ''
    norm_eps: float | None = None
    grid: tuple[int, int] | None = None
    model: str = ''
    activation: str | None = None
    unlike: str = ''
    pos_embed_resize: str | None = None


def settings_of(checkpoint: Checkpoint, selection: Selection) -> Settings:
    """Return what a file says of its network, else what its published architectures have.

    Of an exported file only what its source said counts: the exported names say nothing of it.
    """
    if exported := exported_settings(checkpoint):
        known = {key: exported[key] for key in _IN_METADATA if exported.get(key)}
        if 'heads' in known:
            known['heads_from'] = 'its metadata'
        if 'model' in known:
            known['model'] = f'{known["model"]} (its metadata)'
        if 'grid' in known:
            known['grid'] = tuple(known['grid'])
        return Settings(**known)
    backbone = backbone_config(checkpoint)
    named = (
        _of_config(backbone, selection)
        or _of_hugging_face(checkpoint, selection)
        or _of_timm(checkpoint, selection)
        or _of_options(checkpoint, selection)
    )
    heads, heads_from = first_known(
        (
            (num_heads(backbone), 'the config in the file'),
            (named.heads, 'its config.json'),
            (
                _published_heads(selection),
                f'the published architectures ({selection.family.name})',
            ),
        )
    )
    eps = norm_eps(backbone) or named.norm_eps or _published_eps(selection)
    resize = backbone.get('pos_embed_resize') or (
        selection.format and selection.format.pos_embed_resize
    )
    known = dict(heads=heads, heads_from=heads_from, norm_eps=eps, grid=patch_grid(backbone))
    return replace(named, **known, pos_embed_resize=resize)


_IN_METADATA = ('heads', 'norm_eps', 'grid', 'pos_embed_resize', 'model', 'activation')


def settings_for_export(settings: Settings) -> dict:
    """Return what an exported file's metadata says of its network."""
    return {key: getattr(settings, key) for key in _IN_METADATA} | dict(
        model=settings.model.partition(' (')[0]
    )


def first_known(candidates: Iterable[tuple]) -> tuple:
    """Return the first pair (value, where from) whose value is known, else (None, '')."""
    return next(((value, place) for value, place in candidates if value), (None, ''))


def exported_settings(checkpoint: Checkpoint) -> dict:
    """Return what our export wrote into a file's metadata; {} if it is no export."""
    try:
        content = json.loads(checkpoint.about.get(EXPORT_KEY, '{}'))
    except (TypeError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def hugging_face_config_of(checkpoint: Checkpoint, selection: Selection) -> dict:
    """Return Hugging Face's ``config.json`` if it is the file's; {} if there is none.

    A folder may hold other files, too: the names have to be Hugging Face's, and the sizes to agree.
    """
    config, shape = checkpoint.about.get('config.json', {}), architecture(selection.tensors)
    pairs = (('hidden_size', shape.embed_dims), ('num_hidden_layers', shape.depth))
    fits = all(config.get(key) in (None, value) for key, value in pairs)
    return config if selection.naming.of_hugging_face and fits else {}


def timm_config_of(checkpoint: Checkpoint, selection: Selection) -> dict:
    """Return timm's ``config.json`` if it is the file's; {} if there is none.

    timm's files are bare. The shapes of blocks have to be those of the architecture, or the width
    ``num_features``, of a Swin in its last stage.
    """
    config = checkpoint.about.get('config.json', {})
    if selection.format is not BARE or not isinstance(config.get('pretrained_cfg'), dict):
        return {}
    shape = architecture(selection.tensors)
    last = (shape.embed_dims or 0) * 2 ** (len(shape.depths or (1,)) - 1)
    is_same = config.get('num_features') in (None, last) or _has_shapes_of(config, checkpoint)
    return config if is_same else {}


def _has_shapes_of(config: dict, checkpoint: Checkpoint) -> bool:
    """Return True if a file's blocks have the shapes of the architecture that timm's name means."""
    try:
        expected = _timm_model(*_timm_arguments(config)).state_dict()
    except Exception:  # timm's models may raise anything
        return False
    names = [name for name in (*checkpoint.state_dict, *expected) if name.startswith(_INNER)]
    shapes = [{n: v.shape for n, v in t.items()} for t in (checkpoint.state_dict, expected)]
    return bool(names) and all(shapes[0].get(name) == shapes[1].get(name) for name in names)


_INNER = ('blocks.', 'layers.', 'stages.')  # beginnings of names of blocks


@cache
def _timm_model(name: str, arguments: str) -> nn.Module:
    """Build one of timm's models without values."""
    with torch.device('meta'):
        return timm.create_model(name, **json.loads(arguments))


def _of_config(backbone: dict, selection: Selection) -> Settings | None:
    """Read the class in the config that a file keeps; None if mmpretrain has no such class."""
    kinds = backbone_kinds(backbone)
    name = str(backbone.get('type')).rpartition('.')[2]
    found = Settings(model=f'{name} (the config in the file)')
    if PLAIN & kinds:
        return replace(found, activation=activation(backbone))
    if kinds == {name} or kind_of(selection.tensors) is None:
        return None
    return replace(found, unlike='it computes something else than a plain ViT, BEiT or Swin')


def _of_hugging_face(checkpoint: Checkpoint, selection: Selection) -> Settings | None:
    named = Settings(model=f'{model_beside(checkpoint)} (its config.json)')
    if selection.format is BARE and kind_of(selection.tensors) is None:
        return named if model_beside(checkpoint) else None  # names of no known transformer
    config = hugging_face_config_of(checkpoint, selection)
    if not config:
        return None
    kind, act = str(config.get('model_type')), str(config.get('hidden_act', 'gelu'))
    heads, eps = config.get('num_attention_heads'), config.get('layer_norm_eps')
    found = replace(named, heads=heads, norm_eps=eps)
    if kind not in _PLAIN_OF_HUGGING_FACE:
        return replace(found, unlike=f"what a model of type '{kind}' computes isn't known here")
    if config.get('use_swiglu_ffn'):
        return found
    if act not in ACTIVATIONS_OF_HUGGING_FACE:
        return replace(found, unlike=f"no backbone here has the activation '{act}'")
    return replace(found, activation=ACTIVATIONS_OF_HUGGING_FACE[act])


def model_beside(checkpoint: Checkpoint) -> str:
    """Return the model that a ``config.json`` beside the file names, '' if there is none."""
    config = checkpoint.about.get('config.json', {})
    names = config.get('architectures') or [config.get('architecture')]
    return str(names[0] or config.get('model_type') or '')


def _of_timm(checkpoint: Checkpoint, selection: Selection) -> Settings | None:
    config = timm_config_of(checkpoint, selection)
    name, arguments = _timm_arguments(config)
    is_unknown = isinstance(name, str) and not timm.is_model(name)
    if not (is_unknown or _has_shapes_of(config, checkpoint)):
        return None
    return timm_settings(name, arguments)


def _timm_arguments(config: dict) -> tuple[str | None, str]:
    """Return the architecture that timm's ``config.json`` names, and a JSON of its arguments."""
    return config.get('architecture'), json.dumps(config.get('model_args') or {})


def _of_options(checkpoint: Checkpoint, selection: Selection) -> Settings:
    """Read the options of a published training, which name its network."""
    options = checkpoint.about.get('args')
    options = {**checkpoint.about, **(options if isinstance(options, dict) else {})}
    name = options.get('model', options.get('arch'))
    if not isinstance(name, str) or not _PUBLISHED.fullmatch(name):
        return Settings()
    gated = 'layers.0.ffn.w12.weight' in selection.tensors
    return Settings(model=f'{name} (the options in the file)', activation=None if gated else 'GELU')


@cache
def timm_settings(name: str, arguments: str) -> Settings:
    """Describe one of timm's architectures, by building the model and reading it as a file is.

    The features of its blocks are compared with those of the network that is built from its tensors
    alone. Weights are random. Widths are small, which changes no other part.

    Args:
        name: The architecture.
        arguments: JSON of its arguments.
    """
    known = Settings(model=f'{name} (its config.json)')
    if not timm.is_model(name):
        return replace(known, unlike='the installed timm has no model of this name')
    try:
        whole = _timm_model(name, arguments)
        known = replace(
            known,
            heads=heads_of(whole),
            norm_eps=norm_eps_of(whole),
            activation=activation_of(whole),
        )
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            difference = _difference(small_timm_model(name, arguments), known)
    except UserError as error:
        return replace(known, unlike=f'no backbone here is like it: {one_line(error)}')
    except Exception as error:  # timm's models may raise anything
        return replace(known, unlike=f"it can't be built to be compared ({one_line(error)})")
    if difference <= _SAME:
        return known
    text = f'what it computes differs by {difference:.1%} from a plain network with its tensors'
    return replace(known, unlike=f'{text} (rotary positions, attention, activation, ...)')


def small_timm_model(name: str, arguments: str = '{}') -> nn.Module:
    """Build a network like a model of timm's, with narrow heads, few patches, random weights.

    Args:
        name: The architecture.
        arguments: JSON of its arguments. Sizes that its code doesn't take otherwise stay.
    """
    whole = _timm_model(name, arguments)
    tries = [dict(json.loads(arguments), num_classes=0)]
    heads = next((part.num_heads for part in whole.modules() if hasattr(part, 'num_heads')), None)
    if isinstance(heads, int):
        tries.insert(0, dict(tries[0], embed_dim=16 * heads))
        if hasattr(whole, 'blocks') and hasattr(whole, 'patch_embed'):  # a Swin has its windows
            size = [6 * side for side in to_2tuple(whole.patch_embed.patch_size)]
            tries.insert(0, dict(tries[0], img_size=size))
    if sum(value.numel() for value in whole.parameters()) > _LARGE:
        tries.pop()  # at its own size
    for attempt in tries:
        try:
            model = timm.create_model(name, **attempt)
            break
        except Exception:  # timm's models may raise anything
            if attempt is tries[-1]:
                raise
    else:
        raise UserError('it is too large')
    with torch.no_grad():
        for value in model.parameters():
            value.add_(0.1 * torch.randn_like(value))
    return model.eval()


def _difference(model: nn.Module, known: Settings) -> float:
    """Return the largest relative difference of a model's blocks from those of its tensors."""
    state = model.state_dict()
    selection = select_backbone(Checkpoint(known.model, state))
    grid = tuple(model.patch_embed.grid_size)
    body = {name: value for name, value in selection.tensors.items() if not _BEHIND.match(name)}
    reference = build_reference(
        body, known.heads, known.norm_eps, [grid], grid, activation=known.activation
    )
    size = [side * patch for side, patch in zip(grid, model.patch_embed.patch_size)]
    images = torch.randn(1, architecture(body).in_channels, *size)
    return max(relative_differences(*(block_outputs(m, images) for m in (model, reference))))


_BEHIND = re.compile(r'(ln[12]|attn_pool|head|fc_norm)\b')  # names behind the last block


def _published_heads(selection: Selection) -> int | None:
    """Return the heads of the published architecture of this width and depth.

    ViT-S with fixed sine-cosine positions by no format's names may be MoCo v3's, with 12 heads, or
    an MAE's, with 6: nothing in the file tells.
    """
    kind, naming = selection.format, selection.naming
    shape = architecture(selection.tensors)
    size = shape.embed_dims, shape.depth
    if kind and kind.heads:
        return kind.heads.get(size)
    heads = (naming.heads or {}).get(size)
    open_question = naming is TIMM_VIT and heads != NARROW_HEADS.get(size)
    return None if open_question and _has_fixed_positions(selection) else heads


def _published_eps(selection: Selection) -> float | None:
    """Return the epsilon of a format's published models; timm's CLIPs (pre-norm) have either."""
    if 'pre_norm.weight' in selection.tensors:
        return None
    return (selection.format and selection.format.norm_eps) or selection.naming.norm_eps


def _has_fixed_positions(selection: Selection) -> bool:
    """Find out whether position embeddings are sines and cosines of rows and columns.

    The CLS token has zeros. Sines and cosines of one coordinate, then those of the other, take a
    quarter of the channels each.
    """
    embedding = selection.tensors.get('pos_embed')
    if embedding is None or embedding.ndim != 3 or embedding.shape[2] % 4 or embedding[0, 0].any():
        return False
    sine, cosine, other_sine, other_cosine = embedding[0, 1:].float().chunk(4, dim=-1)
    squares = torch.cat([sine**2 + cosine**2, other_sine**2 + other_cosine**2])
    return bool(((squares - 1).abs() < 1e-2).all())
