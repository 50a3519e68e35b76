"""Trains a config, or goes on with a training that was interrupted."""

from __future__ import annotations

import argparse
import os

from mmengine.config import Config
from mmengine.dist import is_main_process
from mmengine.runner import Runner

from mmmask.config.checkpoints import initial_checkpoint, sha256_if_local
from mmmask.engine.hooks.stop_on_invalid_loss_hook import describe_stop
from mmmask.launch.build import build_and_run
from mmmask.launch.prepare import prepare_config
from mmmask.launch.processes import exit_at_once, leave_together
from mmmask.launch.result import Result
from mmmask.launch.resume import find_checkpoint, read_safely
from mmmask.launch.runner import MetricRecorder
from mmmask.transfer import load_full
from mmmask.utils.errors import DivergedError, UserError


def train(args: argparse.Namespace) -> None:
    """Train and write ``result.json``."""
    if args.local_rank is not None:
        os.environ.setdefault('LOCAL_RANK', str(args.local_rank))
    cfg = prepare_config(args, modes=('train', 'val'))
    _enable_amp(cfg, args.amp)
    _scale_lr(cfg, args.auto_scale_lr)
    warnings = _resume(cfg, args.resume)
    checkpoint = initial_checkpoint(cfg)
    checksum = sha256_if_local(checkpoint)
    result = Result(cfg.work_dir, args.config, args.command_line)

    load_from = _whole_model(cfg)

    def run(runner: Runner, recorder: MetricRecorder) -> None:
        for warning in warnings:
            runner.logger.warning(warning)
        runner._init_model_weights()
        if load_from is not None:
            load_full(runner.model, load_from)
            runner._load_from, runner._has_loaded = load_from, True  # as mmengine would
        try:
            runner.train()
        except DivergedError as error:
            raise UserError(f'{error}; {describe_stop(runner, runner.iter + 1)}') from error
        if recorder.metrics is None and runner.val_loop is not None:
            runner.val_loop.run()  # resumed at its very end: the last validation is still due

    runner, metrics = build_and_run(cfg, run)
    if is_main_process():
        output = find_checkpoint('auto', cfg.work_dir)[0]
        result.write(metrics, runner.seed, checkpoint, checksum, output)
    if leave_together():
        exit_at_once(0)


def _enable_amp(cfg: Config, amp: bool) -> None:
    if not amp:
        return
    wrapper = cfg.optim_wrapper
    kind = wrapper.get('type', 'OptimWrapper')
    if kind == 'OptimWrapper':
        wrapper.type = 'AmpOptimWrapper'
        wrapper.setdefault('loss_scale', 'dynamic')
    elif kind != 'AmpOptimWrapper':
        raise UserError(f"--amp can't be combined with the config's optim_wrapper type {kind}.")


def _scale_lr(cfg: Config, scale: bool) -> None:
    if not scale:
        return
    if 'base_batch_size' not in (cfg.get('auto_scale_lr') or {}):
        raise UserError(
            '--auto-scale-lr needs auto_scale_lr=dict(base_batch_size=...) in the config.'
        )
    cfg.auto_scale_lr.enable = True


def _whole_model(cfg: Config) -> str | None:
    """Take ``load_from`` out of a config that isn't resumed: it is loaded strictly."""
    if cfg.get('resume'):
        return None
    load_from, cfg.load_from = cfg.get('load_from'), None
    return load_from


def _resume(cfg: Config, resume: str | None) -> list[str]:
    """Point the config at the checkpoint to go on from, with its seed; gives warnings."""
    if resume is None and cfg.get('resume'):
        resume = cfg.get('load_from') or 'auto'
    if resume is None:
        return []
    path, warnings = find_checkpoint(resume, cfg.work_dir)
    cfg.resume = path is not None
    if path is None:
        return [
            f'--resume: there is no checkpoint in {cfg.work_dir} yet, so training starts from the '
            'beginning.'
        ]
    cfg.load_from = path
    if cfg.get('randomness', {}).get('seed') is None:
        # The order of the data follows the seed: it has to be known before the loaders are built.
        seed = read_safely(path)['meta'].get('seed')
        cfg.randomness = dict(cfg.get('randomness') or {}, seed=seed)
    return warnings
