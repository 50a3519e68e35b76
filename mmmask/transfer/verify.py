"""Prove that a loaded backbone computes what its file's tensors compute elsewhere."""

from __future__ import annotations

import copy
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate

from .checkpoint import Checkpoint, read_checkpoint
from .description import heads_of, norm_eps_of
from .formats import Selection, select
from .mismatch import Allowed, matches
from .names import TABLE, naming_of, to_mmpretrain
from .positions import grid_of, position_layout, prefix_tokens, resize_of, window_of_table
from .reference import (
    CannotCompare,
    block_outputs,
    build_as_saved,
    build_reference,
    relative_differences,
)
from .settings import PLAIN, UNSAID, settings_of

NOTHING_ALLOWED = Allowed()

TOLERANCE = 1e-5
"""Largest relative difference of float32 features that counts as equal."""


@dataclass(frozen=True)
class Comparison:
    """The result of a comparison with another implementation that has the file's tensors.

    Attributes:
        errors: For each block the largest absolute difference of its features, divided by their
            largest absolute value.
        size: Height and width of the images, in pixels.
        assumed: What the file doesn't tell and both sides were given, in words.
        against: The other implementation, in words.
    """

    errors: tuple[float, ...]
    size: tuple[int, int]
    assumed: tuple[str, ...] = ()
    against: str = 'timm'

    @property
    def worst(self) -> float:
        """Return the largest error; NaN counts as the largest."""
        return max(self.errors, key=lambda error: (error != error, error))

    @property
    def equal(self) -> bool:
        """Return True if all blocks agree, under what is assumed."""
        return self.worst <= TOLERANCE

    @property
    def verdict(self) -> str:
        """Return 'equal' only where the file tells all that was compared."""
        return ('agrees' if self.assumed else 'equal') if self.equal else 'NOT equal'

    def __str__(self) -> str:
        assumed = f' (assumed: {", ".join(self.assumed)})' if self.assumed else ''
        return (
            f'{len(self.errors)} blocks, largest relative difference {self.worst:.1e} '
            f'at {self.size[0]}x{self.size[1]} pixels{assumed}'
        )


def source_of(backbone: nn.Module, init_cfg: Mapping) -> tuple[Checkpoint, Selection, Allowed]:
    """Read the file that an ``init_cfg`` names; return it, its part and what need not fit.

    Raises:
        UserError: If there is no such file or part.
    """
    checkpoint = read_checkpoint(init_cfg['checkpoint'])
    names = backbone.state_dict()
    selection = select(checkpoint, init_cfg.get('source', 'auto'), init_cfg.get('prefix'), names)
    return checkpoint, selection, Allowed.parse(init_cfg.get('allow'))


@torch.no_grad()
def compare_with_source(
    backbone: nn.Module,
    checkpoint: Checkpoint,
    selection: Selection,
    images: Tensor | None = None,
    allow: Allowed = NOTHING_ALLOWED,
) -> Comparison:
    """Compare a loaded backbone's features with those of another implementation.

    The other implementation has the checkpoint's tensors. It is timm's model, or, for architectures
    that timm hasn't, the backbone that the config in the file builds.

    - Both see the same images in evaluation mode, in float32, on the CPU.
    - The images have the size of pre-training if the backbone takes any size.
    - The global random state is left alone.
    - Position embeddings of the source are interpolated to the backbone's grid and from there to
      the images' grid, as the backbone does.

    Args:
        backbone: A ViT, BEiT or Swin of mmpretrain's, mmdet's or mmseg's; or another of the class
            that the file's config names.
        checkpoint: Its checkpoint.
        selection: The checkpoint's part.
        images: (B, 3, H, W), normalised; they are resized. By default one image of noise.
        allow: Exceptions, which are as in the backbone on both sides.

    Raises:
        CannotCompare: If no other implementation can be built, or its features differ in shape.
    """
    parameter = next(backbone.parameters())
    if (parameter.device.type, parameter.dtype) != ('cpu', torch.float32):
        backbone = copy.deepcopy(backbone).cpu().float()
    parts = [None, None]
    if PLAIN & {kind.__name__ for kind in type(backbone).__mro__}:
        against = 'timm'
        reference, size, assumed = _in_timm(backbone, checkpoint, selection, allow)
    else:
        against, assumed = f"the {type(backbone).__name__} of the file's config", []
        with torch.random.fork_rng(devices=[]):
            reference = build_as_saved(type(backbone), checkpoint, selection)
        size = _pair(getattr(backbone, 'img_size', 224))
        parts = _common_parts(backbone, reference)
    if images is None:
        images = torch.randn(1, 3, *size, generator=torch.Generator().manual_seed(0))
    images = interpolate(images.float().cpu(), size, mode='bicubic', align_corners=False)
    mine, theirs = (
        block_outputs(model, images, read) for model, read in zip((backbone, reference), parts)
    )
    return Comparison(relative_differences(mine, theirs), size, tuple(assumed), against)


def _in_timm(
    backbone: nn.Module, checkpoint: Checkpoint, selection: Selection, allow: Allowed
) -> tuple[nn.Module, tuple[int, int], list[str]]:
    """Return timm's model of a file, the size of images for both, and what was assumed."""
    settings = settings_of(checkpoint, selection)
    if settings.unlike:
        raise CannotCompare(f'it is a {settings.model}: {settings.unlike}')
    known_heads = None if allow.heads else settings.heads
    heads, eps = known_heads or heads_of(backbone), settings.norm_eps or norm_eps_of(backbone)
    is_told = known_heads and settings.model
    assumed = [] if is_told or heads is None else [f'{heads} heads']
    if not settings.model:
        assumed.append(f'as the file names no model: {UNSAID}')
    tensors, new = _as_allowed(backbone, selection, allow)
    windows = {window_of_table(v, True) for name, v in tensors.items() if name.endswith(TABLE)}
    if hasattr(backbone, 'stages') and len(windows) > 1:
        assumed.append(f'one window for all stages, where the file has {sorted(windows, key=str)}')
    if new:
        assumed.append(f"{new} tensors that the file hasn't")
    if left := len(selection.tensors) + new - len(tensors):
        assumed.append(f'without {left} tensors that init_cfg.allow names')
    native, in_file = grid_of(backbone), settings.grid
    if in_file is None and 'pos_embed' in tensors:
        count = len(prefix_tokens(tensors))
        in_file = position_layout(tensors['pos_embed'], count, None, native)[1]
    grid, window = in_file or native, None  # positions are interpolated while running
    is_windowed = hasattr(backbone, 'global_blocks')  # ViTDet: a single window is everything
    if hasattr(backbone, 'stages'):
        (window,) = {*_pair(backbone.stages[0].blocks[0].attn.w_msa.window_size)}
        # Two windows along a side of the last stage's map: implementations differ in whether they
        # shift a single window (mmpretrain's pad_small_map). A single window where that stage never
        # shifts (MaskedSwinTransformer): it is plain Swin at that size.
        shifted = any(block.attn.shift_size for block in backbone.stages[-1].blocks)
        side = window * 2 ** (len(backbone.stages) - 1) * (2 if shifted else 1)
        grid = (side, side)
    elif is_windowed:
        grid = _pair(backbone.window_size)
    elif any('relative_position' in name for name, _ in backbone.named_buffers()):
        grid = native
    with torch.random.fork_rng(devices=[]):  # a training is the same with and without
        reference = build_reference(
            tensors,
            heads,
            eps,
            [native or grid, grid],
            in_file or native,
            window,
            resizes=[resize_of(backbone, settings.pos_embed_resize), resize_of(backbone)],
            with_cls_token=getattr(backbone, 'cls_token', None) is not None and not is_windowed,
            naming=selection.naming,
            activation=settings.activation,
        )
    patch = backbone.patch_embed.projection.kernel_size[0]
    return reference, (grid[0] * patch, grid[1] * patch), assumed


def _as_allowed(
    backbone: nn.Module, selection: Selection, allow: Allowed
) -> tuple[dict[str, Tensor], int]:
    """Apply a user's exceptions to a file's tensors.

    Returns:
        The tensors without the unexpected ones that are allowed, and with the backbone's own for
        the missing ones that are allowed; and the number of the latter.
    """
    state = backbone.state_dict()
    own = to_mmpretrain(naming_of(state), state)[0]
    tensors = {
        name: value
        for name, value in selection.tensors.items()
        if name in own or not matches(name, allow.unexpected)
    }
    if 'dist_token' in selection.tensors and 'dist_token' not in tensors and 'pos_embed' in own:
        rows = own['pos_embed'].shape[1] - math.prod(grid_of(backbone))
        embedding = tensors['pos_embed']  # CLS, distillation, patches
        tensors['pos_embed'] = torch.cat([embedding[:, :rows], embedding[:, 2:]], dim=1)
    new = {
        name: value
        for name, value in own.items()
        if name not in tensors
        and matches(name, allow.missing)
        and not name.endswith('relative_position_index')
        and ('relative_positions.' not in name or value.any())  # zeros of a windowed ViT add none
    }
    return {**tensors, **new}, len(new)


def _common_parts(*models: nn.Module) -> list[list[nn.Module]]:
    """Return the parts that models of one class share by name, in the first model's order."""
    by_name = [dict(_parts(model)) for model in models]
    names = [name for name in by_name[0] if all(name in others for others in by_name)]
    return [[parts[name] for name in names] for parts in by_name]


def _parts(model: nn.Module, prefix: str = '') -> Iterable[tuple[str, nn.Module]]:
    """Yield the outermost modules with parameters; of lists of modules each entry."""
    for name, child in model.named_children():
        if isinstance(child, nn.ModuleList):
            yield from _parts(child, f'{prefix}{name}.')
        elif next(child.parameters(), None) is not None:
            yield prefix + name, child


def _pair(size: int | Iterable[int]) -> tuple[int, int]:
    return (size, size) if isinstance(size, int) else tuple(size)
