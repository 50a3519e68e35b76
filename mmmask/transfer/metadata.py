"""What a checkpoint's config says about its backbone, read as data and never run."""

from __future__ import annotations

import ast
import inspect
import math

from mmpretrain.registry import MODELS

from mmmask.utils.literals import literal_value

from .checkpoint import Checkpoint


def backbone_config(checkpoint: Checkpoint) -> dict:
    """``model.backbone`` of the config that the file keeps as text, {} if there is none."""
    model = saved_config(checkpoint).get('model')
    backbone = model.get('backbone') if isinstance(model, dict) else None
    return backbone if isinstance(backbone, dict) else {}


def saved_config(checkpoint: Checkpoint) -> dict:
    """The config that mmengine (``meta['cfg']``) or mmcv 1 (``meta['config']``) saved as text.

    {} if there is none.
    """
    text = config_text(checkpoint)
    if text is None:
        return {}
    try:
        return {
            ast.unparse(statement.targets[0]): literal_value(statement.value, otherwise=ast.unparse)
            for statement in ast.parse(text).body
            if isinstance(statement, ast.Assign)
        }
    except (SyntaxError, ValueError, TypeError, RecursionError, MemoryError):
        return {}  # not the text of a config: nothing is known


def config_text(checkpoint: Checkpoint) -> str | None:
    """The text of the config that a file keeps; None if it keeps none."""
    about = checkpoint.about.get('cfg')  # of a .safetensors file, which has no meta
    text = checkpoint.meta.get('cfg', checkpoint.meta.get('config', about))
    return text if isinstance(text, str) else None


def num_heads(backbone: dict) -> int | None:
    """Attention heads of a ViT's config, None if it doesn't tell."""
    if isinstance(backbone.get('num_heads'), int):  # mmseg's own ViT
        return backbone['num_heads']
    arch = _argument(backbone, 'arch')
    if isinstance(arch, str):
        arch = getattr(_class(backbone), 'arch_zoo', {}).get(arch.lower())
    heads = arch.get('num_heads') if isinstance(arch, dict) else None
    return heads if isinstance(heads, int) else None


def norm_eps(backbone: dict) -> float | None:
    """Epsilon of a ViT's or Swin's layer norms by its config, None if it doesn't tell."""
    norm = _argument(backbone, 'norm_cfg')
    if not isinstance(norm, dict) or norm.get('type') != 'LN':
        return None
    return norm.get('eps', 1e-5)


def patch_grid(backbone: dict) -> tuple[int, int] | None:
    """Rows and columns of position embeddings of a ViT's config, None if it doesn't tell."""
    image = _pair(_argument(backbone, 'img_size'))
    patch = _pair(_argument(backbone, 'patch_size'))
    if image is None or patch is None:
        return None
    return math.ceil(image[0] / patch[0]), math.ceil(image[1] / patch[1])


def _argument(backbone: dict, name: str) -> object:
    """An argument of a backbone's config, or its class's default."""
    if name in backbone:
        return backbone[name]
    for ancestor in getattr(_class(backbone), '__mro__', ()):
        parameter = inspect.signature(ancestor.__init__).parameters.get(name)
        if parameter is not None and parameter.default is not parameter.empty:
            return parameter.default
    return None


def _class(backbone: dict) -> type | None:
    """mmpretrain's class of that name. Looked up only: a name in a checkpoint imports nothing.

    None where the width or the heads are arguments: mmdet's and mmseg's classes of the same names
    have them, and other defaults, mmpretrain's have ``arch``.
    """
    if 'arch' not in backbone and {'embed_dims', 'num_heads'} & set(backbone):
        return None
    return MODELS.module_dict.get(str(backbone.get('type')).rsplit('.', 1)[-1])


def _pair(size: object) -> tuple[int, int] | None:
    sizes = (size, size) if isinstance(size, int) else size
    if not isinstance(sizes, (list, tuple)) or len(sizes) != 2:
        return None
    return tuple(sizes) if all(isinstance(s, int) and s > 0 for s in sizes) else None
