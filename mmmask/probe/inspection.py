"""Print what a checkpoint is: format, backbone, origin, and the config that it would load into."""

from __future__ import annotations

from pathlib import Path

from mmengine.config import Config

from mmmask.config.build import scope_of
from mmmask.transfer import Allowed, Checkpoint, load_strictly, read_checkpoint, select_backbone
from mmmask.transfer.description import architecture, backbone_config, saved_config
from mmmask.transfer.formats import (
    Selection,
    available_sources,
    format_of,
    group_names,
    known_below,
)
from mmmask.transfer.mismatch import broken_values
from mmmask.transfer.normalisation import pretraining_normalisation
from mmmask.transfer.settings import UNSAID, Settings, settings_of
from mmmask.transfer.suggest import build_suggested, dense_options, suggest_backbone
from mmmask.utils.errors import UserError, one_line
from mmmask.utils.files import is_remote, sha256_of_file


def print_inspection(name: str, trust: bool) -> None:
    """Print what a checkpoint is, and try the config that it would load into.

    Args:
        name: ``.pth``, ``.safetensors``, or a name with a scheme.
        trust: Unpickle everything, which may run code of the file's author.

    Raises:
        UserError: If the file can't be read.
    """
    checkpoint = read_checkpoint(name, trust=trust)
    _print('file', _file(checkpoint))
    _print('format', format_of(checkpoint.state_dict).name)
    for label, text in _provenance(checkpoint):
        _print(label, text)
    for source in available_sources(checkpoint):
        _report(checkpoint, source)


def _report(checkpoint: Checkpoint, source: str) -> None:
    """Print one backbone of the file."""
    selection = select_backbone(checkpoint, source)
    settings = settings_of(checkpoint, selection)
    init_cfg = dict(type='Pretrained', checkpoint=checkpoint.path)
    name = selection.naming.name
    if len(selection.format.prefixes) > 1:
        init_cfg['source'] = source
        name = f'{source}, {name}'
    print()
    _print('backbone', name)
    _print('architecture', _architecture(selection, settings))
    _print('model', settings.model or f'not named; a proof assumes {UNSAID}')
    if doubt := broken_values(selection.tensors):
        _print('values', doubt)
    images, place = pretraining_normalisation(checkpoint, selection)
    unknown = 'not told: make sure that the config has that of pre-training'
    _print('normalisation', f'{images} (from {place})' if images else unknown)
    groups = ', '.join(group_names(selection.others))
    _print('beside it', f'{len(selection.others)} tensors ({groups})' if groups else 'nothing')
    try:
        backbone = suggest_backbone(selection.tensors, settings)
    except UserError as error:
        _report_unknown(checkpoint, selection, init_cfg, str(error))
        return
    fits, line = _try(backbone, checkpoint, selection)
    _print('loads into', line)
    if not fits:
        return
    _print_backbone("a classifier's model.backbone in mmpretrain", backbone, init_cfg)
    options = ', '.join(f'{key}={value!r}' for key, value in dense_options(backbone).items())
    print(f"  a detector's or segmenter's in mmdet or mmseg: set {options}")
    if backbone.get('use_rel_pos_bias') or backbone.get('use_shared_rel_pos_bias'):
        print('  and img_size to that of its images, the only one that BEiTViT then takes')


def _report_unknown(
    checkpoint: Checkpoint, selection: Selection, init_cfg: dict, error: str
) -> None:
    """Print what is known of a backbone that no config can be made for."""
    saved = _saved_backbone(checkpoint)
    if saved:
        _print('loads into', f"the backbone of the file's own config ({error})")
        _print_backbone('model.backbone', saved, init_cfg)
        return
    _print('loads into', f'a config of yours: {error}')
    if architecture(selection.tensors).embed_dims is not None:
        return
    _print('its names', f'begin with {", ".join(group_names(selection.tensors))}')
    for prefix in known_below(checkpoint):
        _print('a backbone', f"is below '{prefix}': init_cfg=dict(..., prefix='{prefix}')")


def _print_backbone(title: str, backbone: dict, init_cfg: dict) -> None:
    print(f'  {title}:')
    for key, value in dict(backbone, init_cfg=init_cfg).items():
        print(f'    {key}={value!r},')


def _saved_backbone(checkpoint: Checkpoint) -> dict:
    """Return the backbone of the config that the file keeps, for a config of any repository."""
    backbone = backbone_config(checkpoint)
    kind, scope = backbone.pop('type', None), saved_config(checkpoint).get('default_scope')
    if not isinstance(kind, str):
        return {}
    if '.' not in kind and isinstance(scope, str):
        kind = f'{scope}.{kind}'
    return dict(type=kind, **backbone)


def _try(backbone: dict, checkpoint: Checkpoint, selection: Selection) -> tuple[bool, str]:
    """Load it; return True if all fits, and a line on the result."""
    try:
        with scope_of(Config()):  # without the log of the loading
            line = load_strictly(build_suggested(backbone), checkpoint, selection, Allowed())
    except UserError as error:
        return False, f'nothing of mmpretrain: {one_line(error)}'
    return True, f'{backbone["type"]}: {line}'


def _file(checkpoint: Checkpoint) -> str:
    values = checkpoint.state_dict.values()
    size = sum(value.numel() for value in values)
    kinds = ', '.join(sorted({str(value.dtype).removeprefix('torch.') for value in values}))
    text = f'{checkpoint.path}: {len(values)} tensors, {size / 1e6:.2f} M values, {kinds}'
    if is_remote(checkpoint.path):
        return text
    path = Path(checkpoint.path).expanduser()
    return f'{text}, {path.stat().st_size / 1e6:.1f} MB, sha256 {sha256_of_file(path)[:16]}'


def _architecture(selection: Selection, settings: Settings) -> str:
    shape = architecture(selection.tensors)
    parts = [str(shape)] if str(shape) else []
    if shape.heads is not None:
        parts.append(f'heads {shape.heads} (from tables of relative positions)')
    elif shape.depth is not None:
        known = f'{settings.heads} (from {settings.heads_from})'
        parts.append(f'heads {known if settings.heads else "not told"}')
    for name, what in (
        ('register_tokens', 'registers'),
        ('dist_token', 'distillation token'),
        ('mask_token', 'mask token'),
    ):
        if name in selection.tensors:
            count = selection.tensors[name].shape[1]
            parts.append(what if count == 1 else f'{count} {what}')
    if settings.norm_eps:
        parts.append(f'eps of norms {settings.norm_eps:g}')
    return ', '.join(parts) or 'unknown'


def _provenance(checkpoint: Checkpoint) -> list[tuple[str, str]]:
    """Return labels and texts of what the file says of its training."""
    meta = {
        key: value
        for key, value in checkpoint.meta.items()
        if isinstance(value, (str, int, float)) and key not in ('cfg', 'config') and value != ''
    }
    found = [('training', ', '.join(f'{k} {v}' for k, v in list(meta.items())[:10]))]
    model = saved_config(checkpoint).get('model')
    if isinstance(model, dict):
        found.append(('algorithm', str(model.get('type'))))
    for key, value in checkpoint.about.items():
        if key in ('format', 'cfg'):  # of .safetensors files: always 'pt'; a whole config
            continue
        if isinstance(value, dict):
            value = ', '.join(f'{k} {v}' for k, v in list(value.items())[:12])
        found.append((key, str(value)[:300]))
    return [(label, text) for label, text in found if text]


def _print(label: str, text: str) -> None:
    print(f'{label:<14}{text}')
