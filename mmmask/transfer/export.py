"""Writing a checkpoint's backbone for other libraries."""

from __future__ import annotations

import json
import os
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor

from mmmask.errors import UserError

from .checkpoint import Checkpoint, read_checkpoint
from .dialects import DIALECTS, MMPRETRAIN, to_theirs
from .facts import EXPORT_KEY, Facts, facts
from .formats import select_backbone
from .position_embedding import add_row_of_cls_token, take_row_of_cls_token
from .suggest import suggest_backbone

TARGETS = ('mmpretrain', 'timm', 'huggingface', 'dino')

_BY_NAME = {dialect.name: dialect for dialect in DIALECTS}


@dataclass(frozen=True)
class Export:
    """What was written.

    Attributes:
        path: The file.
        count: Its tensors.
        dialect: How they are named.
        config: Hugging Face's ``config.json``, None for others.
    """

    path: Path
    count: int
    dialect: str
    config: Path | None = None


def export_backbone(
    checkpoint: Checkpoint, source: str, to: str, out: Path, heads: int | None = None
) -> Export:
    """Write a checkpoint's backbone under another library's names, and read it back.

    Classification heads, decoders, projections and mask tokens stay behind. The file's metadata
    holds what tensors don't tell (heads, epsilon of norms, normalisation of images), which is read
    again by :func:`.facts.facts`.

    Args:
        checkpoint: Any that can be loaded.
        source: 'teacher', 'student' or 'auto'.
        to: One of :data:`TARGETS`.
        out: A new ``.safetensors`` or ``.pth`` file. Hugging Face's ``config.json`` is written
            beside it.
        heads: Attention heads, where the checkpoint doesn't tell.

    Raises:
        UserError: If the target can't hold such a backbone, something isn't known that it needs, or
            a file is in the way.
    """
    if out.suffix not in ('.safetensors', '.pth'):
        raise UserError(f"--out: '{out}' must end with .safetensors or .pth.")
    selection = select_backbone(checkpoint, source)
    known = facts(checkpoint, selection)
    if heads is not None:
        if known.heads not in (None, heads):
            raise UserError(
                f'--heads {heads}: the file has {known.heads} (from {known.heads_from}).'
            )
        known = replace(known, heads=heads, heads_from='--heads')
    tensors = OrderedDict((k, v) for k, v in selection.tensors.items() if k != 'mask_token')
    try:
        backbone = suggest_backbone(tensors, known)
    except UserError as error:
        hint = ' (--heads N)' if 'heads' in str(error) else ''
        raise UserError(f"{checkpoint.path} can't be exported: {error}{hint}.") from error
    name = _dialect_for(to, backbone, tensors, checkpoint.path)
    config = out.parent / 'config.json' if to == 'huggingface' else None
    for path in (out, config):
        if path is not None and path.exists():
            raise UserError(f"'{path}' exists already: remove it or choose another --out.")
    dialect = _BY_NAME.get(name, MMPRETRAIN)
    if {'cls_token', 'pos_embed'} <= set(tensors) and 'dist_token' not in tensors:
        without = name == 'timm ViT' and 'register_tokens' in tensors
        (take_row_of_cls_token if without else add_row_of_cls_token)(tensors, known.grid)
    try:
        named = to_theirs(dialect, tensors)
    except KeyError as error:
        raise UserError(f"{to} has no name for '{error.args[0]}' of {checkpoint.path}.") from error
    named = OrderedDict((k, v.detach().cpu().contiguous().clone()) for k, v in named.items())
    out.parent.mkdir(parents=True, exist_ok=True)
    _write(out, named, known, checkpoint, wrapped=to == 'dino')
    if config is not None:
        _write_aside(config, lambda path: path.write_text(_hugging_face_config(backbone, known)))
    _check(out, tensors)
    return Export(out, len(named), name, config)


def _dialect_for(to: str, backbone: dict, tensors: Mapping[str, Tensor], path: str) -> str:
    """The dialect's name that a target reads for such a backbone."""
    kind = backbone['type'].removeprefix('mmpretrain.')
    if to == 'mmpretrain':
        return MMPRETRAIN.name
    norms = {'SwinTransformer': ['norm3'], 'BEiTViT': ['ln1', 'ln2']}.get(kind, ['ln1', 'ln2'])
    if not any(f'{norm}.weight' in tensors for norm in norms):
        raise UserError(
            f"{path} has no final norm, which {to}'s model needs: only --to mmpretrain."
        )
    scaled = 'layer_scale_init_value' in backbone
    vit = kind in ('VisionTransformer', 'RegisterVisionTransformer')
    names = dict(
        timm=dict(SwinTransformer='timm Swin', BEiTViT='BEiT').get(kind, 'timm ViT'),
        dino='DINOv2' if vit else None,
        huggingface=(
            ('Hugging Face DINOv2' if scaled else 'Hugging Face ViT')
            if vit and (scaled or 'register_tokens' not in tensors)
            else None
        ),
    )
    if names[to] is None:
        raise UserError(f"--to {to} can't hold a {kind}: choose timm or mmpretrain.")
    return names[to]


def _write(
    out: Path, tensors: Mapping[str, Tensor], known: Facts, checkpoint: Checkpoint, wrapped: bool
) -> None:
    """Tensors and facts in one file; ``wrapped`` as the teacher of a DINO checkpoint."""
    normalisation = known.normalisation
    about = dict(
        heads=known.heads,
        norm_eps=known.norm_eps,
        grid=known.grid,
        normalisation=normalisation
        and dict(
            mean=normalisation.mean, std=normalisation.std, to_rgb=normalisation.channels == 'RGB'
        ),
        source=checkpoint.name,
    )
    metadata = {'format': 'pt', EXPORT_KEY: json.dumps(about)}
    if out.suffix == '.safetensors':
        _write_aside(out, lambda path: save_file(dict(tensors), path, metadata))
    elif wrapped:
        teacher = {f'backbone.{name}': value for name, value in tensors.items()}
        _write_aside(out, lambda path: torch.save(dict(teacher=teacher, **metadata), path))
    else:
        _write_aside(out, lambda path: torch.save(dict(state_dict=tensors, **metadata), path))


def _write_aside(out: Path, write) -> None:
    """Write next to it, then rename."""
    aside = out.with_name(f'.{out.name}.{os.getpid()}')
    try:
        write(aside)
        aside.replace(out)
    finally:
        aside.unlink(missing_ok=True)


def _check(out: Path, tensors: Mapping[str, Tensor]) -> None:
    """What was written reads as what was to be written."""
    back = select_backbone(read_checkpoint(str(out))).tensors
    wrong = [n for n in tensors if n not in back or not torch.equal(tensors[n].cpu(), back[n])]
    wrong += [name for name in back if name not in tensors]
    if wrong:
        out.unlink()
        raise RuntimeError(f'{out} read back differs in {wrong[0]}; it was removed')


def _hugging_face_config(backbone: dict, known: Facts) -> str:
    """``config.json`` of a ViT or DINOv2 model."""
    arch = backbone['arch']
    width, hidden = arch['embed_dims'], arch['feedforward_channels']
    config = dict(
        architectures=['ViTModel'],
        model_type='vit',
        hidden_size=width,
        num_hidden_layers=arch['num_layers'],
        num_attention_heads=arch['num_heads'],
        hidden_act='gelu',
        image_size=backbone['img_size'],
        patch_size=backbone['patch_size'],
        num_channels=backbone.get('in_channels', 3),
        qkv_bias=backbone.get('qkv_bias', True),
        layer_norm_eps=known.norm_eps or 1e-6,
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
        intermediate_size=hidden,
    )
    if 'layer_scale_init_value' in backbone:
        del config['intermediate_size']
        registers = backbone.get('num_registers')
        config.update(
            architectures=['Dinov2Model' if registers is None else 'Dinov2WithRegistersModel'],
            model_type='dinov2' if registers is None else 'dinov2_with_registers',
            mlp_ratio=hidden // width if hidden % width == 0 else hidden / width,
            use_swiglu_ffn='layer_cfgs' in backbone,
            use_mask_token=False,
        )
        if registers is not None:
            config['num_register_tokens'] = registers
    return json.dumps(config, indent=2) + '\n'
