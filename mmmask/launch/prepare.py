"""Makes a complete, checked config of what the user asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mmengine.config import Config
from mmengine.logging import MMLogger

import mmmask.registration  # noqa: F401
from mmmask.checks.data import check_files
from mmmask.config.checkpoints import check_named_checkpoints
from mmmask.config.options import read_with_options
from mmmask.config.read import config_name
from mmmask.launch.processes import prepare_distributed, rank_before_start
from mmmask.utils.errors import UserError

_OF_EVERY_TRAINING = dict(
    data_wait='mmpretrain.DataWaitHook',
    invalid_loss='mmpretrain.StopOnInvalidLossHook',
    verify_transfer='mmpretrain.VerifyTransferHook',
)
_NEEDED = dict(
    train=('train_dataloader', 'train_cfg', 'optim_wrapper'),
    test=('test_dataloader', 'test_cfg', 'test_evaluator'),
)
_ALSO_CALLED = {'model.teacher.momentum': 'model.momentum'}
"""Paths of schedules -> keys of a config that set the same value."""


@dataclass(frozen=True)
class Request:
    """A request of the user's for a training or a test.

    Attributes:
        config: File, or ``package::path``.
        command: The command line, for ``result.json``.
        work_dir: Folder of the run; None: the config's, or one named after the config.
        amp: Mixed precision: ``bf16``, ``fp16``, or ``auto``; None: float32.
        compile: Compile the transformer blocks.
        seed: Random seed; None: the config's.
        options: Values set over the config, by dotted key.
        launcher: ``none``, ``pytorch``, ``slurm`` or ``mpi``.
    """

    config: str
    command: str
    work_dir: str | None = None
    amp: str | None = None
    compile: bool = False
    seed: int | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    launcher: str = 'none'


def prepare_config(request: Request, modes: Sequence[str]) -> Config:
    """Read, merge, check and adapt a config.

    Args:
        request: What the user asks for.
        modes: Those of ``train``, ``val`` and ``test`` that will run.

    Returns:
        The config that the runner is built from.

    Raises:
        UserError: For whatever can be found wrong before anything is built.
    """
    cfg = read_with_options(request.config, request.options)
    for key in _NEEDED[modes[0]]:
        if cfg.get(key) is None:
            raise UserError(
                f"The config '{request.config}' has no {key}: there is nothing to {modes[0]}."
            )
    _check_decided_once(cfg, request.options)
    if modes[0] == 'train':
        check_named_checkpoints(cfg)
        _check_length(cfg.train_cfg)
    check_files(cfg, modes, rank_before_start(request.launcher))
    cfg.work_dir = (
        request.work_dir or cfg.get('work_dir') or f'work_dirs/{config_name(request.config)}'
    )
    _check_work_dir(Path(cfg.work_dir))
    if request.seed is not None:
        cfg.randomness = dict(cfg.get('randomness') or {}, seed=request.seed, diff_rank_seed=True)
    _make_resumable(cfg)
    if modes[0] == 'train':
        for name, hook in _OF_EVERY_TRAINING.items():
            cfg.default_hooks.setdefault(name, dict(type=hook))
    _drop_hooks(cfg.default_hooks)
    prepare_distributed(cfg, request.launcher)
    return cfg


def _check_length(train_cfg: Mapping) -> None:
    """Refuse a training of no iteration."""
    for key in ('max_epochs', 'max_iters'):
        if (length := train_cfg.get(key)) is not None and not length >= 1:
            raise UserError(f'train_cfg.{key} is {length}: nothing would be trained.')


def _check_work_dir(work_dir: Path) -> None:
    """Refuse a work dir that is a file, or below one."""
    for path in (work_dir, *work_dir.parents):
        if path.exists() and not path.is_dir():
            raise UserError(f'The work dir {work_dir} cannot be made: {path} is a file.')


def _check_decided_once(cfg: Config, options: Mapping[str, Any]) -> None:
    """Refuse a value that something else overwrites, and say which preprocessor is used."""
    for name, hook in (cfg.get('default_hooks') or {}).items():
        for schedule, item in ((hook or {}).get('schedules') or {}).items():
            given = (item or {}).get('path', '')
            for path in (given, _ALSO_CALLED.get(given, given)):
                node: Any = cfg
                for key in path.split('.'):
                    node = node.get(key) if isinstance(node, (dict, Config)) else None
                if node is not None:
                    place = f'default_hooks.{name}.schedules.{schedule}'
                    raise UserError(
                        f'{path} is {node}, but a schedule overwrites it: change {place}.schedule, '
                        f'or drop it with {place}=None.'
                    )
    own, shared = cfg.model.get('data_preprocessor') or {}, cfg.get('data_preprocessor') or {}
    for key in [key for key in shared if key in own and own[key] != shared[key]]:
        if f'data_preprocessor.{key}' in options:
            raise UserError(
                f'data_preprocessor.{key} is not used, as the model has its own: set '
                f'model.data_preprocessor.{key}.'
            )
        MMLogger.get_current_instance().info(
            f'model.data_preprocessor.{key}={own[key]} is used; data_preprocessor.{key}='
            f'{shared[key]} is not.'
        )


def _drop_hooks(hooks: dict) -> None:
    """Let None drop any hook of a base config, where mmengine only lets it drop its own."""
    own = ('runtime_info', 'timer', 'sampler_seed', 'logger', 'param_scheduler', 'checkpoint')
    for name in [name for name, hook in hooks.items() if hook is None and name not in own]:
        hooks.pop(name)


def _make_resumable(cfg: Config) -> None:
    """Use this project's checkpoint hook where the config has mmengine's."""
    hooks = cfg.setdefault('default_hooks', {})
    checkpoint = hooks.setdefault('checkpoint', dict(type='CheckpointHook', interval=1))
    if checkpoint and checkpoint.get('type') in ('CheckpointHook', 'mmengine.CheckpointHook'):
        checkpoint['type'] = 'mmpretrain.ResumableCheckpointHook'
