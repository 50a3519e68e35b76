"""Makes a step quicker or smaller, by options of the command line."""

from __future__ import annotations

import torch
from mmengine.config import Config
from mmengine.logging import MMLogger
from torch import nn

from mmmask.models.compilation import compile_blocks
from mmmask.utils.errors import UserError

_DTYPES = dict(bf16=torch.bfloat16, fp16=torch.float16)
_OF_SCALING = ('loss_scale', 'dtype', 'use_fsdp')
"""What ``AmpOptimWrapper`` takes besides the arguments of ``OptimWrapper``."""


def best_format() -> str:
    """Return the number format of a bare ``--amp``: bf16 where the device computes in it."""
    cuda = torch.cuda.is_available()
    return 'bf16' if not cuda or torch.cuda.is_bf16_supported(False) else 'fp16'


def train_in(cfg: Config, amp: str) -> None:
    """Let a training compute in half precision where that is enough.

    Args:
        cfg: The config, changed in place.
        amp: ``'bf16'``; ``'fp16'``, which keeps the scaling of losses; or ``'auto'``: the format of
            the config's own ``AmpOptimWrapper``, else :func:`best_format`.

    Raises:
        UserError: If fp16 is asked for without a GPU, or the config has a wrapper of another type.
    """
    wrapper = cfg.optim_wrapper
    kind = str(wrapper.get('type', 'OptimWrapper')).rpartition('.')[2]
    if kind not in ('OptimWrapper', 'AmpOptimWrapper', 'Bfloat16OptimWrapper'):
        raise UserError(f"--amp can't be combined with the config's optim_wrapper type {kind}.")
    if amp == 'auto' and kind != 'OptimWrapper' and torch.cuda.is_available():
        return
    amp = _checked(best_format() if amp == 'auto' else amp)
    own = {key: wrapper.pop(key) for key in _OF_SCALING if key in wrapper}
    if amp == 'bf16':
        wrapper.type = 'Bfloat16OptimWrapper'
    else:
        own = dict(loss_scale='dynamic') | own | dict(dtype='float16')
        wrapper.update(type='AmpOptimWrapper', **own)


def test_in(cfg: Config, amp: str) -> None:
    """Let a test compute in half precision where that is enough.

    Args:
        cfg: The config, changed in place.
        amp: As of :func:`train_in`.

    Raises:
        UserError: If fp16 is asked for without a GPU.
    """
    cfg.test_cfg.fp16 = True  # mmengine's name for autocast to the default format
    amp = _checked(best_format() if amp == 'auto' else amp)
    torch.set_autocast_dtype('cuda', _DTYPES[amp])


def fuse_optimizer(cfg: Config) -> None:
    """Let AdamW and Adam update all parameters in one kernel, where there is a GPU.

    The numbers are the same but for roundings. A config with ``fused`` or ``foreach`` decides for
    itself.

    Args:
        cfg: The config, changed in place.
    """
    optimizer = cfg.optim_wrapper.get('optimizer') or {}
    if not torch.cuda.is_available() or optimizer.get('type') not in ('AdamW', 'Adam'):
        return
    if {'fused', 'foreach', 'capturable', 'differentiable'}.isdisjoint(optimizer):
        optimizer['fused'] = True
        MMLogger.get_current_instance().info(
            f'{optimizer["type"]} is fused; optim_wrapper.optimizer.fused=False turns that off.'
        )


def compile_model(model: nn.Module, backend: str = 'inductor') -> None:
    """Compile the transformer blocks of a model one by one, in place.

    Args:
        model: The model.
        backend: Name of a backend of ``torch.compile``.

    Raises:
        UserError: If there is no block.
    """
    count = compile_blocks(model, backend)
    if not count:
        raise UserError('--compile compiles transformer blocks, and the model has none.')
    MMLogger.get_current_instance().info(
        f'{count} blocks are compiled. The first steps take minutes.'
    )


def _checked(amp: str) -> str:
    if amp == 'fp16' and not torch.cuda.is_available():
        raise UserError('--amp fp16 needs a GPU, and there is none: --amp bf16 works on a CPU.')
    if not torch.cuda.is_available():
        MMLogger.get_current_instance().info(
            'bf16 on this CPU: without instructions for it, a step takes longer than in float32.'
        )
    return amp
