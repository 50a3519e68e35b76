"""Writing a checkpoint's backbone for other libraries."""

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

from .architecture import architecture
from .checkpoint import Checkpoint, read_checkpoint
from .export_content import Content, backbone_content, not_finite, whole_content
from .facts import EXPORT_KEY, Facts, facts
from .formats import Selection, select_backbone

TARGETS = ('mmpretrain', 'timm', 'huggingface', 'dino')

_HUGGING_FACE_FILE = 'model.safetensors'  # the name that from_pretrained looks for


@dataclass(frozen=True)
class Export:
    """What was written.

    Attributes:
        path: The file.
        count: Its tensors.
        dialect: How they are named; None for a whole file, whose tensors keep their names.
        left: Names of the checkpoint's tensors that stayed behind.
        model: Hugging Face's class that reads it, '' for other targets.
        why_whole: Why it is the whole file, '' for a backbone.
    """

    path: Path
    count: int
    dialect: str | None
    left: tuple[str, ...] = ()
    model: str = ''
    why_whole: str = ''


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
    holds what tensors don't tell (heads, epsilon of norms, grid of positions, normalisation of
    images), which :func:`.facts.facts` reads again.

    Args:
        checkpoint: Any that can be loaded.
        source: 'teacher', 'student' or 'auto'.
        to: One of :data:`TARGETS`.
        out: A new ``.safetensors`` or ``.pth`` file. For Hugging Face a folder, in which
            ``model.safetensors`` and ``config.json`` are written.
        heads: Attention heads, where the checkpoint doesn't tell.
        grid: Rows and columns of the position embeddings, where the checkpoint doesn't tell.
        or_whole: For mmpretrain, with the source 'auto': write all of the file's tensors under
            their names, and the text of its config, if its backbone isn't a ViT, BEiT or Swin.

    Raises:
        UserError: If the target can't hold such a backbone, something isn't known that it needs, a
            value isn't finite, or a file is in the way or can't be written.
        RuntimeError: If what was written reads as something else. Nothing is left of it.
    """
    out = _new_file(to, out)
    selection = select_backbone(checkpoint, source)
    known = _completed(facts(checkpoint, selection), selection, heads, grid)
    try:
        content = backbone_content(selection, known, to)
    except UserError as error:
        if not or_whole or (to, source) != ('mmpretrain', 'auto'):
            raise UserError(f"{checkpoint.path} can't be exported: {error}") from error
        content = whole_content(checkpoint, str(error))
    if infinite := not_finite(content.tensors):
        raise UserError(
            f"{checkpoint.path} can't be exported: {infinite}; take an earlier checkpoint."
        )
    _write(out, content, _metadata(known, content, checkpoint), below_teacher=to == 'dino')
    left = () if content.reads_as is None else selection.others
    (model,) = content.config['architectures'] if content.config else ('',)
    return Export(out, len(content.tensors), content.dialect, left, model, content.why_whole)


def _new_file(to: str, out: Path) -> Path:
    """Where the weights go; nothing is there yet."""
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
    known: Facts, selection: Selection, heads: int | None, grid: tuple[int, int] | None
) -> Facts:
    """What the file says and what the user adds to it, which must not disagree."""
    shape = architecture(selection.tensors)
    if heads is not None:
        in_file, place = known.heads, known.heads_from
        if 'number of attention heads' in shape:
            in_file = shape['number of attention heads']
            place = 'its tables of relative positions'
        if in_file not in (None, heads):
            raise UserError(f'--heads {heads}: the file has {in_file} (from {place}).')
        width = shape.get('embed_dims', heads)
        if heads < 1 or width % heads:
            raise UserError(f"--heads {heads} doesn't divide the width {width}.")
        known = replace(known, heads=heads, heads_from='--heads')
    if grid is not None:
        if known.grid not in (None, grid):
            raise UserError('--grid {}x{}: the file has {}x{}.'.format(*grid, *known.grid))
        length = selection.tensors['pos_embed'].shape[1] if 'pos_embed' in selection.tensors else 0
        if length - grid[0] * grid[1] not in range(3):  # rows of CLS and distillation token
            raise UserError(
                '--grid {}x{}: the file has {} position embeddings.'.format(*grid, length)
            )
        known = replace(known, grid=grid)
    return known


def _metadata(known: Facts, content: Content, checkpoint: Checkpoint) -> dict[str, str]:
    """What the tensors don't tell."""
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
    return metadata if content.text is None else dict(metadata, cfg=content.text)


def _write(out: Path, content: Content, metadata: dict[str, str], below_teacher: bool) -> None:
    """All files, read before they get their names; ``below_teacher`` as a DINO checkpoint's."""
    with new_files(out.parent) as folder:
        path = folder / out.name
        try:
            _save(path, content.tensors, metadata, below_teacher)
        except (OSError, SafetensorError, RuntimeError) as error:
            raise UserError(
                f"'{out}' can't be written, is the disk full? ({one_line(error)[:150]})"
            ) from error
        if content.config is not None:
            text = json.dumps(content.config, indent=2) + '\n'
            (folder / 'config.json').write_text(text)
        _check(path, content)


def _save(
    path: Path, tensors: Mapping[str, Tensor], metadata: dict[str, str], below_teacher: bool
) -> None:
    """One file of weights."""
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


def _check(path: Path, content: Content) -> None:
    """What was written reads as what was to be written."""
    read, expected = read_checkpoint(str(path)), content.reads_as
    if expected is None:
        back, expected = read.state_dict, content.tensors
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
