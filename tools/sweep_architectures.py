"""Try what is said of the files of timm's and transformers' architectures against the real models.

Each architecture is made small, with random weights, and saved by its own library: with and
without its ``config.json``. The file is read, loaded into the backbone that is suggested for it,
and proven. Then the backbone's features are compared with those of the model that was saved. A row
is wrong if the proof says "equal" and the features differ.

    python tools/sweep_architectures.py              # one of each kind
    python tools/sweep_architectures.py NAME ...     # of timm, or types of transformers
    python tools/sweep_architectures.py --all        # all of timm's that look like a transformer
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import re
import sys
import tempfile
from functools import partial
from importlib.util import find_spec
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

KINDS = {
    'vit_tiny_patch16_224': 'plain',
    'deit_tiny_distilled_patch16_224': 'distillation token',
    'deit3_small_patch16_224': 'layer scale, no position of CLS',
    'vit_small_patch14_dinov2': 'layer scale',
    'vit_small_patch14_reg4_dinov2': 'registers',
    'vit_giant_patch14_dinov2': 'SwiGLU',
    'vit_base_patch16_clip_224': 'norm in front',
    'vit_base_patch16_clip_quickgelu_224': 'QuickGELU',
    'vit_base_patch16_siglip_224': 'attention pooling, no CLS',
    'vit_so400m_patch14_siglip_gap_224': 'tanh GELU, no CLS',
    'vit_base_patch16_gap_224': 'mean over patches',
    'vit_base_patch16_rpn_224': 'norm behind the branches',
    'vit_small_patch16_18x2_224': 'parallel branches',
    'test_vit2': 'small variants of timm',
    'test_vit3': 'small variants of timm, attention pooling',
    'test_vit4': 'small variants of timm, RMS norm',
    'vit_base_patch16_xp_224': 'query-key norm, parallel blocks',
    'vit_relpos_small_patch16_224': 'relative positions by an MLP',
    'vit_small_r26_s32_224': 'convolutional stem',
    'samvit_base_patch16': 'windows',
    'flexivit_small': 'several patch sizes',
    'vit_small_patch16_rope_224': 'rotary',
    'vit_small_patch16_rope_ape_224': 'rotary beside absolute',
    'vit_small_patch16_rope_mixed_ape_224': 'mixed rotary beside absolute',
    'vit_pe_spatial_tiny_patch16_512': 'rotary, norm in front',
    'vit_pe_core_tiny_patch16_384': 'rotary, attention pooling',
    'vit_small_patch16_dinov3': 'rotary alone, registers',
    'eva02_tiny_patch14_224': 'rotary, SwiGLU, norm in attention',
    'eva_giant_patch14_224': 'BEiT-like biases',
    'beit_base_patch16_224': 'relative tables',
    'beitv2_base_patch16_224': 'relative tables',
    'swin_tiny_patch4_window7_224': 'shifted windows',
    'swinv2_tiny_window8_256': 'cosine attention',
    'cait_xxs24_224': 'class attention, talking heads',
    'xcit_nano_12_p16_224': 'cross-covariance attention',
    'volo_d1_224': 'outlook attention',
    'hiera_tiny_224': 'stages',
    'aimv2_large_patch14_224': 'RMS norm, SwiGLU',
    'naflexvit_base_patch16_gap': 'patches of any size',
}
"""One of timm's architectures of each kind -> the kind."""

HUGGING_FACE = (
    *('vit', 'vit_mae', 'vit_msn', 'deit', 'beit', 'dinov2', 'dinov2_with_registers', 'dinov3_vit'),
    *('ijepa', 'clip_vision_model', 'siglip_vision_model', 'yolos', 'swin', 'data2vec-vision'),
    *('vit-gelu_new', 'vit-relu', 'dinov2-swiglu'),
)
"""Model types of transformers, behind a hyphen another activation."""

_LIKE = r'(vit|deit|beit|eva|swin|flexivit|samvit|cait|xcit|volo|hiera|aimv2|naflexvit|test_vit)'
_SAME = 1e-4


@dataclasses.dataclass(frozen=True)
class Outcome:
    """Holds what was said of a file, and the truth.

    Attributes:
        said: 'equal', 'agrees', 'NOT equal', 'refused', or 'not compared'.
        why: The line that was said with it.
        difference: Largest relative difference between the loaded backbone's blocks and those of
            the model that was saved; None where nothing was loaded.
    """

    said: str
    why: str
    difference: float | None = None

    @property
    def wrong(self) -> bool:
        """Return True if the proof says "equal" of features that differ, or differ by shape."""
        return self.said == 'equal' and not (self.difference or 0.0) <= _SAME

    def __str__(self) -> str:
        truth = '' if self.difference is None else f', really {self.difference:.1e}'
        return f'{"WRONG: " if self.wrong else ""}{self.said}{truth}: {self.why}'


def save_timm(name: str, folder: Path, **arguments):
    """Save a small model of timm's as timm does, and return the model."""
    from timm.models._hub import save_for_hf

    from mmmask.transfer.settings import small_timm_model

    model = small_timm_model(name, json.dumps(arguments))
    save_for_hf(model, folder, safe_serialization=True)
    return model


def save_transformers(kind: str, folder: Path):
    """Save a small model of transformers' as transformers does, and return the model."""
    import torch
    from transformers import AutoConfig, AutoModel

    sizes = dict(
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        image_size=32 if kind != 'yolos' else [32, 32],
        patch_size=8,
    )
    if kind == 'swin':
        sizes = dict(image_size=64, patch_size=4, embed_dim=8, depths=[1, 1], num_heads=[1, 2])
        sizes['window_size'] = 4
    if kind == 'dinov2-swiglu':
        kind, sizes['use_swiglu_ffn'] = 'dinov2', True
    elif kind.startswith('vit-'):
        kind, sizes['hidden_act'] = kind.split('-')
    torch.manual_seed(0)
    model = AutoModel.from_config(AutoConfig.for_model(kind, **sizes)).eval()
    with torch.no_grad():
        for value in model.parameters():
            value.add_(0.1 * torch.randn_like(value))
    model.save_pretrained(folder)
    if kind == 'vit_mae':  # without masks, patches in order
        model.config.mask_ratio = 0.0
        model.forward = partial(model.forward, noise=torch.arange(16.0)[None])
    return model


def read_and_prove(folder: Path, model, with_config: bool, heads: int | None) -> Outcome:
    """Read a saved file, load it into the suggested backbone, prove it, and tell the truth.

    Args:
        folder: Has ``model.safetensors`` and ``config.json``.
        model: The model that was saved.
        with_config: False takes ``config.json`` away first.
        heads: Attention heads, as a user would give them where the file doesn't tell.
    """
    import torch
    from mmengine.config import Config

    from mmmask.config.build import scope_of
    from mmmask.transfer import Allowed, load_strictly, read_checkpoint, select_backbone
    from mmmask.transfer.reference import CannotCompare, block_outputs, relative_differences
    from mmmask.transfer.settings import settings_of
    from mmmask.transfer.suggest import build_suggested, suggest_backbone
    from mmmask.transfer.verify import compare_with_source
    from mmmask.utils.errors import UserError

    if not with_config:
        (folder / 'config.json').unlink()
    checkpoint = read_checkpoint(str(folder / 'model.safetensors'))
    selection = select_backbone(checkpoint)
    settings = settings_of(checkpoint, selection)
    try:
        known = dataclasses.replace(settings, heads=settings.heads or heads)
        backbone = build_suggested(suggest_backbone(selection.tensors, known))
        with scope_of(Config()):
            load_strictly(backbone, checkpoint, selection, Allowed())
    except UserError as error:
        return Outcome('refused', str(error))
    try:
        proof = compare_with_source(backbone, checkpoint, selection)
        said, why = proof.verdict, str(proof)
    except CannotCompare as error:
        said, why = 'not compared', str(error)
    images = torch.randn(1, 3, *_size(model), generator=torch.Generator().manual_seed(1))
    layers = getattr(getattr(model, 'encoder', None), 'layer', None)
    try:
        outputs = block_outputs(model, images, layers)
        return Outcome(
            said, why, max(relative_differences(block_outputs(backbone, images), outputs))
        )
    except (CannotCompare, RuntimeError, AssertionError, AttributeError) as error:
        return Outcome(said, f'{why} (the real features: {error})', float('nan'))


def _size(model) -> tuple[int, int]:
    """Return height and width of a model's images."""
    if hasattr(model, 'config'):
        size = model.config.image_size
        return tuple(size) if isinstance(size, (list, tuple)) else (size, size)
    grid = getattr(getattr(model, 'patch_embed', None), 'grid_size', None)
    if grid is None:
        return tuple(model.pretrained_cfg['input_size'][1:])
    return tuple(side * patch for side, patch in zip(grid, model.patch_embed.patch_size))


def try_one(name: str, **arguments) -> dict[str, Outcome]:
    """Return what is said of an architecture's file, with and without its ``config.json``.

    Args:
        name: An architecture of timm, or one of :data:`HUGGING_FACE`.
        arguments: Of timm's architecture, e.g. ``depth=2``.
    """
    from mmmask.transfer.description import heads_of

    found = {}
    for label, with_config in (('with', True), ('without', False)):
        with tempfile.TemporaryDirectory() as folder:
            if name in HUGGING_FACE:
                model, heads = save_transformers(name, Path(folder)), 2
            else:
                model = save_timm(name, Path(folder), **arguments)
                heads = heads_of(model)
            found[label] = read_and_prove(Path(folder), model, with_config, heads)
    return found


def main() -> int:
    """Print a row for each architecture, and return 1 if one is wrong."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('names', nargs='*', help='architectures of timm [one of each kind]')
    parser.add_argument('--all', action='store_true', help="all of timm's that look like a ViT")
    args = parser.parse_args()

    import timm

    import mmmask.registration  # noqa: F401

    names = args.names or [*KINDS, *HUGGING_FACE]
    if args.all:
        names = [name for name in timm.list_models() if re.match(_LIKE, name)]
    if not find_spec('transformers'):
        print("transformers isn't installed: its models are left out")
        names = [name for name in names if name not in HUGGING_FACE]
    wrong, seen = 0, {}
    for name in names:
        try:
            outcomes = try_one(name)
        except Exception as error:  # the library's own builder may fail at a small size
            print(f'{name}: not built ({type(error).__name__}: {str(error)[:150]})')
            continue
        for label, outcome in outcomes.items():
            print(f'{name}, {label} config.json: {outcome}'[:400], flush=True)
            wrong += outcome.wrong
            seen[outcome.said] = seen.get(outcome.said, 0) + 1
    print(json.dumps(dict(seen, wrong=wrong)))
    return int(wrong > 0)


if __name__ == '__main__':
    sys.exit(main())
