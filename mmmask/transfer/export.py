"""Write a checkpoint's backbone for other libraries."""

from __future__ import annotations

import json
import os
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import save_file
from torch import Tensor

from mmmask.utils.errors import UserError, one_line
from mmmask.utils.files import new_files

from .checkpoint import Checkpoint, read_checkpoint
from .description import Kind, architecture, config_text, kind_of
from .formats import Selection, select_backbone
from .mismatch import Allowed, not_finite
from .names import (
    BEIT,
    DINOV2,
    HF_DINOV2,
    HF_VIT,
    MMPRETRAIN,
    TIMM_SWIN,
    TIMM_VIT,
    Naming,
    from_mmpretrain,
)
from .normalisation import pretraining_normalisation
from .positions import (
    add_row_of_cls_token,
    position_layout,
    prefix_tokens,
    take_row_of_cls_token,
)
from .settings import EXPORT_KEY, Settings, settings_for_export, settings_of
from .suggest import build_suggested, hugging_face_config, suggest_backbone

TARGETS = ('mmpretrain', 'timm', 'huggingface', 'dino')

_HUGGING_FACE_FILE = 'model.safetensors'  # the name that from_pretrained looks for


@dataclass(frozen=True)
class Export:
    """A backbone, or a whole file, for another library.

    Attributes:
        tensors: By the names in the new file.
        reads_as: The same by mmpretrain's names; None for a whole file, which is not translated.
        naming: How the new file names them; None for a whole file.
        config: Content of Hugging Face's ``config.json``.
        text: Text of the config that the checkpoint keeps, for a whole file.
        why_whole: Why it is the whole file, '' for a backbone.
        left: Names of the checkpoint's tensors that stay behind.
        activation: Of the MLPs, where it isn't GELU: no tensor shows it.
        path: The file that was written.
    """

    tensors: OrderedDict[str, Tensor]
    reads_as: OrderedDict[str, Tensor] | None = None
    naming: Naming | None = None
    config: dict | None = None
    text: str | None = None
    why_whole: str = ''
    left: tuple[str, ...] = ()
    activation: str | None = None
    path: Path | None = None


def export_backbone(
    checkpoint: Checkpoint,
    source: str,
    to: str,
    out: Path,
    heads: int | None = None,
    grid: tuple[int, int] | None = None,
    or_whole: bool = False,
) -> Export:
    """Write a checkpoint's backbone under another library's names, and read it back.

    Classification heads, decoders, projections and mask tokens stay behind. The file's metadata
    holds what tensors don't show: heads, epsilon of norms, grid of positions, normalisation of
    images. :func:`.description.settings_of` reads it again. A failed export leaves no files.

    Args:
        checkpoint: Any checkpoint that can be loaded.
        source: 'teacher', 'student' or 'auto'.
        to: One of :data:`TARGETS`.
        out: A new ``.safetensors`` or ``.pth`` file. For Hugging Face a folder, in which
            ``model.safetensors`` and ``config.json`` are written.
        heads: Attention heads, where the checkpoint doesn't tell.
        grid: Rows and columns of the position embeddings, where the checkpoint doesn't tell.
        or_whole: If the backbone isn't a ViT, BEiT or Swin, write all of the file's tensors under
            their names, and the text of its config. For mmpretrain, with the source 'auto'.

    Raises:
        UserError: If the target can't hold such a backbone, or needs a setting that isn't known.
            If a value isn't finite, a file is in the way, or one can't be written.
        RuntimeError: If what was written reads as something else.
    """
    out = _new_file(to, out)
    selection = select_backbone(checkpoint, source)
    settings = _completed(settings_of(checkpoint, selection), selection, heads, grid)
    try:
        export = _backbone_for(to, selection, settings)
    except UserError as error:
        if not or_whole or (to, source) != ('mmpretrain', 'auto'):
            raise UserError(f"{checkpoint.path} can't be exported: {error}") from error
        text = config_text(checkpoint)
        export = Export(checkpoint.state_dict, text=text, why_whole=str(error))
    if fault := not_finite(export.tensors):
        raise UserError(
            f"{checkpoint.path} can't be exported: {fault}; take an earlier checkpoint."
        )
    metadata = _metadata(settings, export, checkpoint, selection)
    _write(out, export, metadata, below_teacher=to == 'dino')
    return replace(export, path=out)


def _new_file(to: str, out: Path) -> Path:
    """Return the path of the weights, where nothing may be yet."""
    out = Path(os.path.expanduser(out))
    if to == 'huggingface':
        if out.suffix == '.pth' or (
            out.suffix == '.safetensors' and out.name != _HUGGING_FACE_FILE
        ):
            raise UserError(
                f"--out: '{out}' must be a folder for --to huggingface: from_pretrained reads "
                f'{_HUGGING_FACE_FILE} and config.json in it.'
            )
        out = out if out.name == _HUGGING_FACE_FILE else out / _HUGGING_FACE_FILE
    elif out.suffix not in ('.safetensors', '.pth'):
        raise UserError(f"--out: '{out}' must end with .safetensors or .pth.")
    for path in (out, out.with_name('config.json')) if to == 'huggingface' else (out,):
        if os.path.lexists(path):
            raise UserError(f"'{path}' exists already: remove it or choose another --out.")
    return out


def _completed(
    settings: Settings, selection: Selection, heads: int | None, grid: tuple[int, int] | None
) -> Settings:
    """Add what the user says to what the file says, which must not disagree."""
    shape = architecture(selection.tensors)
    if heads is not None:
        in_file, place = settings.heads, settings.heads_from
        if shape.heads is not None:
            in_file, place = shape.heads, 'its tables of relative positions'
        if in_file not in (None, heads):
            raise UserError(f'--heads {heads}: the file has {in_file} (from {place}).')
        width = shape.embed_dims or heads
        if heads < 1 or width % heads:
            raise UserError(f"--heads {heads} doesn't divide the width {width}.")
        settings = replace(settings, heads=heads, heads_from='--heads')
    if grid is not None:
        if settings.grid not in (None, grid):
            raise UserError('--grid {}x{}: the file has {}x{}.'.format(*grid, *settings.grid))
        length = selection.tensors['pos_embed'].shape[1] if 'pos_embed' in selection.tensors else 0
        if length - grid[0] * grid[1] not in range(3):  # rows of CLS and distillation token
            raise UserError(
                '--grid {}x{}: the file has {} position embeddings.'.format(*grid, length)
            )
        settings = replace(settings, grid=grid)
    return settings


def _backbone_for(to: str, selection: Selection, settings: Settings) -> Export:
    """Return a backbone by the names of a target.

    Raises:
        UserError: If the target can't hold it, or lacks something that isn't known.
    """
    tensors = OrderedDict(
        (name, value)
        for name, value in selection.tensors.items()
        if name != 'mask_token' and not name.endswith('relative_position_index')
    )
    if 'pos_embed' in tensors:
        try:
            position_layout(tensors['pos_embed'], len(prefix_tokens(tensors)), settings.grid)
        except UserError as error:
            raise UserError(f'{error} Say them: --grid ROWSxCOLUMNS.') from error
    # Any number of heads will do where it isn't known: no tensor's shape depends on it.
    backbone = suggest_backbone(tensors, replace(settings, heads=settings.heads or 1))
    if {'cls_token', 'pos_embed'} <= set(tensors) and 'dist_token' not in tensors:
        add_row_of_cls_token(tensors, settings.grid)
    _check_places(backbone, tensors)
    naming = _naming_for(to, backbone, tensors)
    if to == 'huggingface' and settings.heads is None:
        raise UserError("it doesn't tell its number of attention heads: give --heads N.")
    config = hugging_face_config(backbone, settings) if to == 'huggingface' else None
    if naming is TIMM_VIT and 'register_tokens' in tensors:
        take_row_of_cls_token(tensors, settings.grid)
    elif naming is HF_DINOV2:  # whose models have a mask token, used or not
        token = torch.zeros_like(tensors['cls_token'])
        tensors['mask_token'] = selection.tensors.get('mask_token', token)
    try:
        named = from_mmpretrain(naming, tensors)
    except KeyError as error:
        raise UserError(f"{to} has no name for '{error.args[0]}'.") from error
    activation = None if settings.activation == 'GELU' else settings.activation
    return Export(named, tensors, naming, config, left=selection.others, activation=activation)


def _check_places(backbone: dict, tensors: Mapping[str, Tensor]) -> None:
    """Check that mmpretrain's backbone has a place for every tensor, and for no other.

    Raises:
        UserError: If it hasn't.
    """
    module = build_suggested(backbone)
    places = module.state_dict()
    missing = [name for name in places if name not in tensors]
    wrong = Allowed().sort(module, missing, [])[1]
    wrong += [
        name
        for name, value in tensors.items()
        if name not in places or value.shape != places[name].shape
    ]
    if wrong:
        kind = type(module).__name__
        raise UserError(f'{len(wrong)} tensors differ from a {kind} ({", ".join(wrong[:3])}).')


def _naming_for(to: str, backbone: Mapping, tensors: Mapping[str, Tensor]) -> Naming:
    """Return the names that a target reads for such a backbone.

    Raises:
        UserError: If the target has no model like it.
    """
    if to == 'mmpretrain':
        return MMPRETRAIN
    kind = kind_of(tensors)
    norms = ('norm3',) if kind is Kind.SWIN else ('ln1', 'ln2')
    if not any(f'{norm}.weight' in tensors for norm in norms):
        raise UserError(f"it has no final norm, which {to}'s model needs: only --to mmpretrain.")
    if to == 'timm':
        return {Kind.SWIN: TIMM_SWIN, Kind.BEIT: BEIT}.get(kind, TIMM_VIT)
    scaled = 'layer_scale_init_value' in backbone
    type_name = backbone['type'].removeprefix('mmpretrain.')
    faults = (
        (kind is not Kind.VIT or 'dist_token' in tensors, f'is a {type_name}'),
        ('cls_token' not in tensors, 'has no CLS token'),
        ('ln2.weight' in tensors, 'has its last norm behind a mean over patches'),
        ('pre_norm.weight' in tensors, 'has a norm in front of the blocks'),
        (
            to == 'dino' and 'act_cfg' in backbone.get('layer_cfgs', {}),
            'has another activation than GELU',
        ),
        (
            to == 'huggingface' and 'register_tokens' in tensors and not scaled,
            'has registers but no layer scale',
        ),
    )
    if fault := next((text for applies, text in faults if applies), None):
        raise UserError(f"it {fault}, which {to}'s models don't know: choose timm or mmpretrain.")
    if to == 'dino':
        return DINOV2
    return HF_DINOV2 if scaled else HF_VIT


def _metadata(
    settings: Settings, export: Export, checkpoint: Checkpoint, selection: Selection
) -> dict[str, str]:
    """Return what the tensors don't show."""
    images, _ = pretraining_normalisation(checkpoint, selection)
    about = dict(
        **settings_for_export(settings),
        normalisation=images
        and dict(mean=images.mean, std=images.std, to_rgb=images.channels == 'RGB'),
        source=checkpoint.name,
    )
    metadata = {'format': 'pt', EXPORT_KEY: json.dumps(about)}
    return metadata if export.text is None else dict(metadata, cfg=export.text)


def _write(out: Path, export: Export, metadata: dict[str, str], below_teacher: bool) -> None:
    """Write all files, and read them before they get their names.

    ``below_teacher`` puts the tensors of a ``.pth`` file where a DINO checkpoint has them.
    """
    with new_files(out.parent) as folder:
        path = folder / out.name
        try:
            _save(path, export.tensors, metadata, below_teacher)
        except (OSError, SafetensorError, RuntimeError) as error:
            raise UserError(
                f"'{out}' can't be written, is the disk full? ({one_line(error)[:150]})"
            ) from error
        if export.config is not None:
            text = json.dumps(export.config, indent=2) + '\n'
            (folder / 'config.json').write_text(text)
        _check(path, export)


def _save(
    path: Path, tensors: Mapping[str, Tensor], metadata: dict[str, str], below_teacher: bool
) -> None:
    """Write one file of weights."""
    plain = OrderedDict(
        (name, value.detach().cpu().clone(memory_format=torch.contiguous_format))
        for name, value in tensors.items()
    )
    if path.suffix == '.safetensors':
        save_file(dict(plain), path, metadata)
        return
    about = {key: value for key, value in metadata.items() if key != 'cfg'}
    if 'cfg' in metadata:
        about['meta'] = dict(cfg=metadata['cfg'])
    if below_teacher:
        teacher = {f'backbone.{name}': value for name, value in plain.items()}
        torch.save(dict(teacher=teacher, **about), path)
    else:
        torch.save(dict(state_dict=plain, **about), path)


def _check(path: Path, export: Export) -> None:
    """Check that the file reads as what was to be written."""
    read, expected = read_checkpoint(str(path)), export.reads_as
    if expected is None:
        back, expected = read.state_dict, export.tensors
    else:
        back = select_backbone(read).tensors
    wrong = [
        name
        for name, value in expected.items()
        if name not in back or not torch.equal(value.cpu(), back[name])
    ]
    wrong += [name for name in back if name not in expected]
    if wrong:
        raise RuntimeError(f'{path.name} read back differs in {wrong[0]}: it was removed')
