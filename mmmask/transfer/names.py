"""The table of names: what each family of files calls a backbone's tensors.

mmpretrain's names are the common ones; the table is read in both directions. A naming is a list of
rules. Each rule is a pair of names with placeholders: ``{i}`` and ``{j}`` stand for numbers
(``{i+1}`` for one more), ``{p}`` for ``weight`` or ``bias``.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache

import torch
from torch import Tensor

TABLE = 'relative_position_bias_table'
"""Last part of the name of every relative position table."""

PATCH_PROJECTION = 'patch_embed.projection.weight'
"""mmpretrain's name of the layer that projects patches, (C, channels, height, width)."""


@dataclass(frozen=True)
class Rule:
    """The two names of one tensor.

    Attributes:
        theirs: Its name in the file. Several tensors are stacked along the first dimension.
        ours: Its name in mmpretrain.
        to_ours: Function that changes the order or shape of its values on the way; None for none.
        to_theirs: The inverse function.
    """

    theirs: tuple[str, ...]
    ours: str
    to_ours: Callable[[Tensor], Tensor] | None = None
    to_theirs: Callable[[Tensor], Tensor] | None = None


@dataclass(frozen=True)
class Naming:
    """The names of one family of files, and what all of its published models share.

    Attributes:
        name: Shown in messages.
        marks: Patterns; in every such backbone each pattern is found in some name.
        rules: All names of the backbone's tensors.
        others: Patterns of names beside the backbone's, which no backbone needs.
        heads: Attention heads by (width, depth) in the published architectures.
        normalisation: Normalisation of the images, if all of its files agree.
        norm_eps: Epsilon of the layer norms, if all of its models agree.
        of_hugging_face: True if its files are Hugging Face's, with a ``config.json`` beside them.
    """

    name: str
    marks: tuple[str, ...]
    rules: tuple[Rule, ...] = ()
    others: tuple[str, ...] = ()
    heads: Mapping[tuple[int, int], int] | None = None
    normalisation: str | None = None
    norm_eps: float | None = None
    of_hugging_face: bool = False


def _rules(pairs: Iterable[tuple]) -> tuple[Rule, ...]:
    """Return rules from tuples (theirs, ours), which functions may follow."""
    return tuple(
        Rule((theirs,) if isinstance(theirs, str) else theirs, *rest) for theirs, *rest in pairs
    )


def _as_token(value: Tensor) -> Tensor:
    """Reshape tokens to (1, N, C)."""
    return value.reshape(1, -1, value.shape[-1])


# Patch merging puts four neighbours (row, column) in the order 00 10 01 11, all channels of each;
# mmcv's, which unfolds, has channels first and 00 01 10 11.
_NEIGHBOURS = [0, 2, 1, 3]


def _merge_to_mmpretrain(value: Tensor) -> Tensor:
    return value.unflatten(-1, (4, -1))[..., _NEIGHBOURS, :].transpose(-1, -2).flatten(-2)


def _merge_from_mmpretrain(value: Tensor) -> Tensor:
    return value.unflatten(-1, (-1, 4)).transpose(-1, -2)[..., _NEIGHBOURS, :].flatten(-2)


_TIMM_VIT = _rules(
    [
        ('cls_token', 'cls_token'),
        ('dist_token', 'dist_token'),
        ('reg_token', 'register_tokens'),
        ('mask_token', 'mask_token', _as_token, _as_token),
        ('pos_embed', 'pos_embed'),
        ('patch_embed.proj.{p}', 'patch_embed.projection.{p}'),
        ('norm_pre.{p}', 'pre_norm.{p}'),
        ('blocks.{i}.norm1.{p}', 'layers.{i}.ln1.{p}'),
        ('blocks.{i}.norm2.{p}', 'layers.{i}.ln2.{p}'),
        ('blocks.{i}.attn.qkv.{p}', 'layers.{i}.attn.qkv.{p}'),
        ('blocks.{i}.attn.proj.{p}', 'layers.{i}.attn.proj.{p}'),
        ('blocks.{i}.mlp.fc1.{p}', 'layers.{i}.ffn.layers.0.0.{p}'),
        ('blocks.{i}.mlp.fc2.{p}', 'layers.{i}.ffn.layers.1.{p}'),
        ('blocks.{i}.mlp.fc1.{p}', 'layers.{i}.ffn.w12.{p}'),  # see _with_gated_mlp
        ('blocks.{i}.mlp.fc2.{p}', 'layers.{i}.ffn.w3.{p}'),
        ('blocks.{i}.ls1.gamma', 'layers.{i}.attn.gamma1.weight'),
        ('blocks.{i}.ls2.gamma', 'layers.{i}.ffn.gamma2.weight'),
        ('blocks.{i}.gamma_1', 'layers.{i}.attn.gamma1.weight'),  # DeiT III's, iBOT's
        ('blocks.{i}.gamma_2', 'layers.{i}.ffn.gamma2.weight'),
        ('norm.{p}', 'ln1.{p}'),
        ('fc_norm.{p}', 'ln2.{p}'),
    ]
)
_MASKED_EMBED = ('masked_embed', 'mask_token', _as_token, lambda value: value.flatten(0, -2))
_MAE_VIT = tuple(rule for rule in _TIMM_VIT if rule.ours != 'mask_token')  # it is the decoder's
_DINO_VIT = (
    *_rules(
        [
            ('register_tokens', 'register_tokens'),
            _MASKED_EMBED,
            ('blocks.{i}.mlp.w12.{p}', 'layers.{i}.ffn.w12.{p}'),
            ('blocks.{i}.mlp.w3.{p}', 'layers.{i}.ffn.w3.{p}'),
        ]
    ),
    *_TIMM_VIT,
)
_CHUNKED_VIT = tuple(  # as trained with FSDP; the second number counts all blocks
    Rule(
        tuple(name.replace('blocks.{i}', 'blocks.{c}.{i}') for name in rule.theirs),
        *(rule.ours, rule.to_ours, rule.to_theirs),
    )
    for rule in _DINO_VIT
)
_BEIT = (
    *_rules(
        [
            ('blocks.{i}.gamma_1', 'layers.{i}.gamma_1'),
            ('blocks.{i}.gamma_2', 'layers.{i}.gamma_2'),
            ('blocks.{i}.attn.q_bias', 'layers.{i}.attn.q_bias'),
            ('blocks.{i}.attn.v_bias', 'layers.{i}.attn.v_bias'),
            (f'blocks.{{i}}.attn.{TABLE}', f'layers.{{i}}.attn.{TABLE}'),
            (f'rel_pos_bias.{TABLE}',) * 2,
        ]
    ),
    *_TIMM_VIT,
)
_QUERY_KEY_VALUE = ('query', 'key', 'value')
_HF_COMMON = (
    ('embeddings.cls_token', 'cls_token'),
    ('embeddings.mask_token', 'mask_token', _as_token, lambda value: value.flatten(0, -2)),
    ('embeddings.position_embeddings', 'pos_embed'),
    ('embeddings.patch_embeddings.projection.{p}', 'patch_embed.projection.{p}'),
    (
        tuple(f'encoder.layer.{{i}}.attention.attention.{x}.{{p}}' for x in _QUERY_KEY_VALUE),
        'layers.{i}.attn.qkv.{p}',
    ),
    ('encoder.layer.{i}.attention.output.dense.{p}', 'layers.{i}.attn.proj.{p}'),
    ('layernorm.{p}', 'ln1.{p}'),
)
_HF_VIT = _rules(
    [
        *_HF_COMMON,
        ('encoder.layer.{i}.layernorm_before.{p}', 'layers.{i}.ln1.{p}'),
        ('encoder.layer.{i}.layernorm_after.{p}', 'layers.{i}.ln2.{p}'),
        ('encoder.layer.{i}.intermediate.dense.{p}', 'layers.{i}.ffn.layers.0.0.{p}'),
        ('encoder.layer.{i}.output.dense.{p}', 'layers.{i}.ffn.layers.1.{p}'),
    ]
)
_HF_DINOV2 = _rules(
    [
        *_HF_COMMON,
        ('embeddings.register_tokens', 'register_tokens'),
        ('encoder.layer.{i}.norm1.{p}', 'layers.{i}.ln1.{p}'),
        ('encoder.layer.{i}.norm2.{p}', 'layers.{i}.ln2.{p}'),
        ('encoder.layer.{i}.layer_scale1.lambda1', 'layers.{i}.attn.gamma1.weight'),
        ('encoder.layer.{i}.layer_scale2.lambda1', 'layers.{i}.ffn.gamma2.weight'),
        ('encoder.layer.{i}.mlp.fc1.{p}', 'layers.{i}.ffn.layers.0.0.{p}'),
        ('encoder.layer.{i}.mlp.fc2.{p}', 'layers.{i}.ffn.layers.1.{p}'),
        ('encoder.layer.{i}.mlp.weights_in.{p}', 'layers.{i}.ffn.w12.{p}'),
        ('encoder.layer.{i}.mlp.weights_out.{p}', 'layers.{i}.ffn.w3.{p}'),
    ]
)
_MMSEG_VIT = _rules(
    [
        ('layers.{i}.attn.attn.in_proj_weight', 'layers.{i}.attn.qkv.weight'),
        ('layers.{i}.attn.attn.in_proj_bias', 'layers.{i}.attn.qkv.bias'),
        ('layers.{i}.attn.attn.out_proj.{p}', 'layers.{i}.attn.proj.{p}'),
        *(
            (name, name)
            for name in (
                *('cls_token', 'pos_embed', 'patch_embed.projection.{p}', 'ln1.{p}'),
                *('layers.{i}.ln1.{p}', 'layers.{i}.ln2.{p}'),
                *('layers.{i}.ffn.layers.0.0.{p}', 'layers.{i}.ffn.layers.1.{p}'),
            )
        ),
    ]
)
_SWIN_COMMON = (
    ('patch_embed.proj.{p}', 'patch_embed.projection.{p}'),
    ('patch_embed.norm.{p}', 'patch_embed.norm.{p}'),
    ('absolute_pos_embed', 'absolute_pos_embed'),
    ('layers.{i}.blocks.{j}.norm1.{p}', 'stages.{i}.blocks.{j}.norm1.{p}'),
    ('layers.{i}.blocks.{j}.norm2.{p}', 'stages.{i}.blocks.{j}.norm2.{p}'),
    ('layers.{i}.blocks.{j}.attn.qkv.{p}', 'stages.{i}.blocks.{j}.attn.w_msa.qkv.{p}'),
    ('layers.{i}.blocks.{j}.attn.proj.{p}', 'stages.{i}.blocks.{j}.attn.w_msa.proj.{p}'),
    (f'layers.{{i}}.blocks.{{j}}.attn.{TABLE}', f'stages.{{i}}.blocks.{{j}}.attn.w_msa.{TABLE}'),
    ('layers.{i}.blocks.{j}.mlp.fc1.{p}', 'stages.{i}.blocks.{j}.ffn.layers.0.0.{p}'),
    ('layers.{i}.blocks.{j}.mlp.fc2.{p}', 'stages.{i}.blocks.{j}.ffn.layers.1.{p}'),
    ('norm.{p}', 'norm3.{p}'),
)


def _swin(stage: str) -> tuple[Rule, ...]:
    """Return Swin's rules, where ``stage`` counts the down-sampling layers."""
    merging = _merge_to_mmpretrain, _merge_from_mmpretrain
    down = 'stages.{i}.downsample'
    return _rules(
        [
            *_SWIN_COMMON,
            (f'layers.{stage}.downsample.norm.{{p}}', f'{down}.norm.{{p}}', *merging),
            (f'layers.{stage}.downsample.reduction.weight', f'{down}.reduction.weight', *merging),
        ]
    )


_STANDARD_HEADS = {
    (192, 12): 3,
    (384, 12): 6,
    (768, 12): 12,
    (1024, 24): 16,
    (1280, 32): 16,
    (1408, 40): 16,
    (1536, 40): 24,
}
NARROW_HEADS = {**_STANDARD_HEADS, (384, 12): 12}
"""Attention heads of MoCo v3 and CAE by (width, depth)."""

_CLASSIFIERS = (r'^head', r'^decoder_', r'^fc\.', r'^classifier\.')
_ATTENTION = r'^blocks\.\d+\.attn\.qkv\.weight$'
_SWIN_ATTENTION = r'^layers\.\d+\.blocks\.\d+\.attn\.qkv\.weight$'
_VIT = dict(others=_CLASSIFIERS, heads=_STANDARD_HEADS, norm_eps=1e-6)
_IMAGENET_VIT = dict(_VIT, normalisation='imagenet')
_SWIN = dict(
    others=(*_CLASSIFIERS, r'relative_position_index$', r'attn_mask$'),
    normalisation='imagenet',
    norm_eps=1e-5,
)
_BEIT_MARKS = (_ATTENTION, r'^blocks\.\d+\.attn\.q_bias$')
_BEIT_OPTIONS = dict(
    others=(*_CLASSIFIERS, r'relative_position_index$', r'^lm_head'),
    heads={size: heads for size, heads in _STANDARD_HEADS.items() if size[0] > 384},
    norm_eps=1e-6,
)
_HF_OPTIONS = dict(others=(r'^pooler\.',), heads=_STANDARD_HEADS, of_hugging_face=True)

MMPRETRAIN = Naming('mmpretrain names', marks=())
"""Names that need no rule."""

TIMM_VIT = Naming('timm ViT', (_ATTENTION,), _TIMM_VIT, **_VIT)
"""Names of timm's ViT, which DINO, DeiT and others publish in, too."""

TIMM_SWIN = Naming('timm Swin', (_SWIN_ATTENTION,), _swin('{i+1}'), **_SWIN)
MMSEG_VIT = Naming(
    'mmseg ViT', (r'^layers\.\d+\.attn\.attn\.in_proj_weight$',), _MMSEG_VIT, norm_eps=1e-5
)
"""Names of mmseg's ViT, whose patch projection may have no bias."""

# The names of BEiT, normalised with 'half', are those of BEiT v2 and CAE, too.
BEIT = Naming('BEiT', _BEIT_MARKS, _BEIT, **_BEIT_OPTIONS)
DINOV2 = Naming(
    'DINOv2',
    (_ATTENTION, r'^blocks\.\d+\.ls1\.gamma$', r'^(register_tokens|mask_token)$'),
    _DINO_VIT,
    **_IMAGENET_VIT,
)
HF_DINOV2 = Naming(
    'Hugging Face DINOv2',
    (r'^encoder\.layer\.\d+\.layer_scale1\.lambda1$',),
    _HF_DINOV2,
    normalisation='imagenet',
    norm_eps=1e-6,
    **_HF_OPTIONS,
)
HF_VIT = Naming(
    'Hugging Face ViT',
    (r'^encoder\.layer\.\d+\.layernorm_before\.weight$',),
    _HF_VIT,
    norm_eps=1e-12,
    **_HF_OPTIONS,
)

NAMINGS = (
    Naming(
        'DINOv2, in chunks',
        (r'^blocks\.\d+\.\d+\.attn\.qkv\.weight$',),
        _CHUNKED_VIT,
        **_IMAGENET_VIT,
    ),
    Naming(
        'BEiT v2',
        (*_BEIT_MARKS, r'^cls_pt_layers\.'),
        _BEIT,
        normalisation='imagenet',
        # the second decoder of its pre-training
        **dict(_BEIT_OPTIONS, others=(*_BEIT_OPTIONS['others'], r'^cls_pt_')),
    ),
    BEIT,
    DINOV2,
    Naming('iBOT', (_ATTENTION, r'^masked_embed$'), _DINO_VIT, **_IMAGENET_VIT),
    Naming(
        'MAE',
        (_ATTENTION, r'^decoder_embed\.'),
        _MAE_VIT,
        # ccMIM's projector is beside MAE's decoder
        **dict(
            _IMAGENET_VIT, others=(*_CLASSIFIERS, r'^mask_token$', r'^projector', r'^predictor')
        ),
    ),
    Naming('distilled DeiT', (_ATTENTION, r'^dist_token$'), _TIMM_VIT, **_IMAGENET_VIT),
    TIMM_VIT,
    Naming(
        'iBOT Swin',
        (_SWIN_ATTENTION, r'^masked_embed$'),
        (*_rules([_MASKED_EMBED]), *_swin('{i}')),
        **dict(_SWIN, norm_eps=1e-6),
    ),
    Naming('Swin', (_SWIN_ATTENTION, r'^layers\.0\.downsample\.'), _swin('{i}'), **_SWIN),
    TIMM_SWIN,
    HF_DINOV2,
    HF_VIT,
    MMSEG_VIT,
)
"""All namings; the first whose marks are found is a file's."""


def naming_of(names: Iterable[str]) -> Naming:
    """Return the first naming whose marks are all found, or :data:`MMPRETRAIN`."""
    text = '\n'.join(names)
    return next(
        (
            naming
            for naming in NAMINGS
            if all(re.search(mark, text, re.MULTILINE) for mark in naming.marks)
        ),
        MMPRETRAIN,
    )


def to_mmpretrain(
    naming: Naming, tensors: Mapping[str, Tensor]
) -> tuple[OrderedDict[str, Tensor], list[str]]:
    """Give a backbone's tensors mmpretrain's names.

    Returns:
        The tensors, and the names of tensors beside the backbone. A tensor that no rule knows keeps
        its name, and is found to be unexpected later.
    """
    if not naming.rules:
        return OrderedDict(tensors), []
    found: OrderedDict[str, dict[int, str]] = OrderedDict()
    rule_of: dict[str, Rule] = {}
    others = []
    for name in tensors:
        match = _match(naming.rules, name, 'theirs')
        if match is not None:
            rule, index, values = match
            ours = _fill(rule.ours, values)
            found.setdefault(ours, {})[index] = name
            rule_of[ours] = rule
        elif any(re.search(pattern, name) for pattern in naming.others):
            others.append(name)
        else:
            found[name] = {0: name}
    result: OrderedDict[str, Tensor] = OrderedDict()
    for ours, parts in found.items():
        rule = rule_of.get(ours)
        if rule is None or len(parts) < len(rule.theirs):  # of an incomplete stack: keep the names
            result.update((name, tensors[name]) for name in parts.values())
            continue
        values = [tensors[parts[index]] for index in range(len(parts))]
        value = values[0] if len(values) == 1 else torch.cat(values)
        result[ours] = rule.to_ours(value) if rule.to_ours else value
    return _with_gated_mlp(result), others


def from_mmpretrain(naming: Naming, tensors: Mapping[str, Tensor]) -> OrderedDict[str, Tensor]:
    """Give a backbone's tensors the names of a naming: the inverse of :func:`to_mmpretrain`.

    Raises:
        KeyError: If the naming has no name for one of them.
    """
    if not naming.rules:
        return OrderedDict(tensors)
    result: OrderedDict[str, Tensor] = OrderedDict()
    for name, value in tensors.items():
        match = _match(naming.rules, name, 'ours')
        if match is None:
            raise KeyError(name)
        rule, _, values = match
        value = rule.to_theirs(value) if rule.to_theirs else value
        for template, part in zip(rule.theirs, value.chunk(len(rule.theirs))):
            result[_fill(template, values)] = part
    return result


def _with_gated_mlp(tensors: OrderedDict[str, Tensor]) -> OrderedDict[str, Tensor]:
    """Rename the layers of a gated MLP, which timm calls like those of a plain MLP.

    The first layer of a gated MLP has twice as many outputs as the second has inputs.
    """
    first, second = 'ffn.layers.0.0.', 'ffn.layers.1.'
    inner, outer = (tensors.get(f'layers.0.{name}weight') for name in (first, second))
    if inner is None or outer is None or inner.shape[0] != 2 * outer.shape[1]:
        return tensors
    return OrderedDict(
        (name.replace(first, 'ffn.w12.').replace(second, 'ffn.w3.'), value)
        for name, value in tensors.items()
    )


def _match(
    rules: tuple[Rule, ...], name: str, side: str
) -> tuple[Rule, int, dict[str, str]] | None:
    """Find the rule of a name, which of the rule's names it is, and the placeholders' values."""
    for rule in rules:
        for index, template in enumerate(rule.theirs if side == 'theirs' else (rule.ours,)):
            if match := _pattern(template).fullmatch(name):
                values = match.groupdict()
                if '{i+1}' in template:
                    values['i'] = str(int(values['i']) - 1)
                if values.get('i') != '-1':
                    return rule, index, values
    return None


@cache
def _pattern(template: str) -> re.Pattern:
    """Return the regular expression of a name with placeholders."""
    pattern = re.escape(template.replace('{i+1}', '{i}')).replace(r'\{p\}', '(?P<p>weight|bias)')
    return re.compile(re.sub(r'\\\{(\w)\\\}', r'(?P<\1>\\d+)', pattern))


def _fill(template: str, values: Mapping[str, str]) -> str:
    """Put values into a template's placeholders."""
    template = template.replace('{i+1}', str(int(values.get('i', 0)) + 1))
    for key, value in values.items():
        template = template.replace(f'{{{key}}}', value)
    return template
