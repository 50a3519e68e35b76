"""What an export holds: a backbone by another library's names, or a whole file."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, replace

import torch
from mmengine.config import Config
from mmpretrain.registry import MODELS
from torch import Tensor

from mmmask.config.build import scope_of
from mmmask.utils.errors import UserError, explained

from .checkpoint import Checkpoint
from .dialects import BY_NAME, MMPRETRAIN, to_theirs
from .exceptions import Allowed
from .facts import Facts
from .formats import Selection
from .hugging_face import hugging_face_config
from .metadata import config_text
from .position_embedding import (
    add_row_of_cls_token,
    position_layout,
    prefix_tokens,
    take_row_of_cls_token,
)
from .suggest import suggest_backbone


@dataclass(frozen=True)
class Content:
    """What is to be written.

    Attributes:
        tensors: By the names in the new file.
        reads_as: The same by mmpretrain's names; None for a whole file, which nobody translates.
        dialect: How the new file names them.
        config: Content of ``config.json``.
        text: Of the config that the checkpoint keeps, for a whole file.
        why_whole: Why it is the whole file, '' for a backbone.
    """

    tensors: OrderedDict[str, Tensor]
    reads_as: OrderedDict[str, Tensor] | None = None
    dialect: str | None = None
    config: dict | None = None
    text: str | None = None
    why_whole: str = ''


def backbone_content(selection: Selection, known: Facts, to: str) -> Content:
    """A backbone by the names of a target (one of :data:`.export.TARGETS`).

    Raises:
        UserError: If the target can't hold it, or something isn't known that it needs.
    """
    tensors = OrderedDict(
        (name, value)
        for name, value in selection.tensors.items()
        if name != 'mask_token' and not name.endswith('relative_position_index')
    )
    backbone = _suggested(tensors, known)
    dialect = _dialect_for(to, backbone, tensors)
    if to == 'huggingface' and known.heads is None:
        raise UserError("it doesn't tell its number of attention heads: give --heads N.")
    config = hugging_face_config(backbone, known) if to == 'huggingface' else None
    if dialect == 'timm ViT' and 'register_tokens' in tensors:
        take_row_of_cls_token(tensors, known.grid)
    elif dialect == 'Hugging Face DINOv2':  # whose models have one, used or not
        token = torch.zeros_like(tensors['cls_token'])
        tensors['mask_token'] = selection.tensors.get('mask_token', token)
    try:
        named = to_theirs(BY_NAME.get(dialect, MMPRETRAIN), tensors)
    except KeyError as error:
        raise UserError(f"{to} has no name for '{error.args[0]}'.") from error
    return Content(named, tensors, dialect, config)


def _suggested(tensors: OrderedDict[str, Tensor], known: Facts) -> dict:
    """mmpretrain's backbone, proven to have a place for each tensor; a CLS token gets a row in the
    position embeddings."""
    _require_grid(tensors, known)
    # Any number of heads will do where it isn't known: no tensor's shape depends on it.
    backbone = suggest_backbone(tensors, replace(known, heads=known.heads or 1))
    if {'cls_token', 'pos_embed'} <= set(tensors) and 'dist_token' not in tensors:
        add_row_of_cls_token(tensors, known.grid)
    _require_places(backbone, tensors)
    return backbone


def whole_content(checkpoint: Checkpoint, why: str) -> Content:
    """All of a file as it is."""
    return Content(checkpoint.state_dict, text=config_text(checkpoint), why_whole=why)


def _require_grid(tensors: Mapping[str, Tensor], known: Facts) -> None:
    """Rows and columns of position embeddings are known."""
    if 'pos_embed' not in tensors:
        return
    try:
        position_layout(tensors['pos_embed'], len(prefix_tokens(tensors)), known.grid)
    except UserError as error:
        raise UserError(f'{error} Say them: --grid ROWSxCOLUMNS.') from error


def _require_places(backbone: dict, tensors: Mapping[str, Tensor]) -> None:
    """mmpretrain's backbone has a place for every tensor, and for no other."""
    with (
        explained('mmpretrain has no such backbone'),
        scope_of(Config(dict(default_scope='mmpretrain'))),
    ):
        module = MODELS.build(dict(backbone))
    places = module.state_dict()
    _, wrong = Allowed().sort_missing(module, [name for name in places if name not in tensors])
    wrong += [
        name
        for name, value in tensors.items()
        if name not in places or value.shape != places[name].shape
    ]
    if wrong:
        kind = type(module).__name__
        raise UserError(f'{len(wrong)} tensors differ from a {kind} ({", ".join(wrong[:3])}).')


def _dialect_for(to: str, backbone: Mapping, tensors: Mapping[str, Tensor]) -> str:
    """The dialect's name that a target reads for such a backbone."""
    kind = backbone['type'].removeprefix('mmpretrain.')
    if to == 'mmpretrain':
        return MMPRETRAIN.name
    norms = ('norm3',) if kind == 'SwinTransformer' else ('ln1', 'ln2')
    if not any(f'{norm}.weight' in tensors for norm in norms):
        raise UserError(f"it has no final norm, which {to}'s model needs: only --to mmpretrain.")
    if to == 'timm':
        return dict(SwinTransformer='timm Swin', BEiTViT='BEiT').get(kind, 'timm ViT')
    scaled = 'layer_scale_init_value' in backbone
    faults = (
        (kind not in ('VisionTransformer', 'RegisterVisionTransformer'), f'is a {kind}'),
        ('cls_token' not in tensors, 'has no CLS token'),
        ('ln2.weight' in tensors, 'has its last norm behind a mean over patches'),
        ('pre_norm.weight' in tensors, 'has a norm in front of the blocks'),
        (
            to == 'huggingface' and 'register_tokens' in tensors and not scaled,
            'has registers but no layer scale',
        ),
    )
    if fault := next((text for applies, text in faults if applies), None):
        raise UserError(f"it {fault}, which {to}'s models don't know: choose timm or mmpretrain.")
    if to == 'dino':
        return 'DINOv2'
    return 'Hugging Face DINOv2' if scaled else 'Hugging Face ViT'


def not_finite(tensors: Mapping[str, Tensor]) -> str:
    """Which tensors hold NaN or infinite values, e.g. 'not finite: cls_token, pos_embed'; '' for
    none."""
    names = [name for name, value in tensors.items() if not torch.isfinite(value).all()]
    more = f', ... ({len(names)} of {len(tensors)} tensors)' if len(names) > 3 else ''
    return f'not finite: {", ".join(names[:3])}{more}' if names else ''
