"""Trains a config, or goes on with an interrupted training."""

from __future__ import annotations

from mmengine.config import Config
from mmengine.dist import is_main_process
from mmengine.runner import Runner

from mmmask.checks.first_step import check_first_step
from mmmask.config.checkpoints import initial_checkpoint, sha256_if_local
from mmmask.engine.hooks import DataWaitHook
from mmmask.engine.hooks.stop_on_invalid_loss_hook import describe_stop
from mmmask.launch.acceleration import compile_model, fuse_optimizer, train_in
from mmmask.launch.build import build_and_run
from mmmask.launch.data_sets import describe_data
from mmmask.launch.prepare import Request, prepare_config
from mmmask.launch.processes import exit_at_once, leave_together
from mmmask.launch.result import Result, image_outcomes, protocol_values
from mmmask.launch.resume import Resumption, find_checkpoint, note_run, plan_resumption
from mmmask.launch.runner import MetricRecorder
from mmmask.transfer import load_full
from mmmask.utils.errors import DivergedError, UserError


def train(request: Request, resume: str | None = None, auto_scale_lr: bool = False) -> None:
    """Train, and write ``result.json``.

    Args:
        request: What the user asks for.
        resume: The checkpoint to go on from; ``'auto'``: the last one in the work dir.
        auto_scale_lr: Scale the learning rate by the batch size of all processes.

    Raises:
        UserError: If the config, the data or a checkpoint is wrong, or the loss isn't finite.
    """
    cfg = prepare_config(request, modes=('train', 'val'))
    if request.amp:
        train_in(cfg, request.amp)
    fuse_optimizer(cfg)
    if auto_scale_lr:
        _scale_lr(cfg)
    resumption, warnings = _resume(cfg, resume, request.seed)
    checkpoint = initial_checkpoint(cfg)
    checksum = sha256_if_local(checkpoint)
    result = Result(cfg.work_dir, request.config, request.command)
    load_from = _whole_model(cfg)

    def run(runner: Runner, recorder: MetricRecorder) -> None:
        runner.register_hook(result.usage)
        for warning in warnings:
            runner.logger.warning(warning)
        runner._init_model_weights()
        if load_from is not None:
            load_full(runner.model, load_from)
            runner._load_from, runner._has_loaded = load_from, True  # as mmengine would
        check_first_step(runner, ('train', 'val'))
        if request.compile:
            compile_model(runner.model)
        runner.resumption = resumption
        note_run(runner, resumption)
        try:
            runner.train()
        except DivergedError as error:
            raise UserError(f'{error}; {describe_stop(runner, runner.iter + 1)}') from error
        if recorder.metrics is None and runner.val_loop is not None:
            runner.val_loop.run()  # resumed at its very end: the last validation is still due

    runner, metrics = build_and_run(cfg, run)
    if is_main_process():
        output = find_checkpoint('auto', cfg.work_dir)[0]
        waits = (hook.share for hook in runner.hooks if isinstance(hook, DataWaitHook))
        parts = dict(
            protocol=protocol_values(runner),
            outcomes=image_outcomes(runner),
            data=describe_data(runner),
        )
        result.write(metrics, runner.seed, checkpoint, checksum, output, next(waits, None), **parts)
    if leave_together():
        exit_at_once(0)


def _scale_lr(cfg: Config) -> None:
    if 'base_batch_size' not in (cfg.get('auto_scale_lr') or {}):
        raise UserError(
            '--auto-scale-lr needs auto_scale_lr=dict(base_batch_size=...) in the config.'
        )
    cfg.auto_scale_lr.enable = True


def _whole_model(cfg: Config) -> str | None:
    """Take ``load_from`` out of a config that isn't resumed, so that we load the file strictly."""
    if cfg.get('resume'):
        return None
    load_from, cfg.load_from = cfg.get('load_from'), None
    return load_from


def _resume(
    cfg: Config, resume: str | None, seed: int | None
) -> tuple[Resumption | None, list[str]]:
    """Point the config at the checkpoint to go on from, with its seed; return warnings, too."""
    if resume is None and cfg.get('resume'):
        resume = cfg.get('load_from') or 'auto'
    if resume is None:
        return None, []
    resumption, warnings = plan_resumption(resume, cfg, seed)
    cfg.resume = resumption is not None
    if resumption is not None:
        cfg.load_from = resumption.path
        # The order of the data follows the seed: it has to be known before the loaders are built.
        if (then := resumption.meta.get('seed')) is not None:
            cfg.randomness = dict(cfg.get('randomness') or {}, seed=then)
    return resumption, warnings
