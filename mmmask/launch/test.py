"""Tests a checkpoint, or an untrained network."""

from __future__ import annotations

import argparse
import os

from mmengine.dist import is_main_process
from mmengine.runner import Runner

from mmmask.config.checkpoints import check_readable, sha256_if_local, without_pretrained
from mmmask.launch.build import build_and_run
from mmmask.launch.prepare import prepare_config
from mmmask.launch.processes import exit_at_once, leave_together
from mmmask.launch.result import Result
from mmmask.launch.runner import MetricRecorder
from mmmask.transfer import load_for_test


def test(args: argparse.Namespace) -> None:
    """Test and write ``result.json``."""
    if args.local_rank is not None:
        os.environ.setdefault('LOCAL_RANK', str(args.local_rank))
    cfg = prepare_config(args, modes=('test',))
    checkpoint = None if args.checkpoint == 'none' else args.checkpoint
    if checkpoint is not None:
        check_readable(checkpoint)
    cfg.model = without_pretrained(cfg.model)  # what is tested is what the command line names
    cfg.load_from, cfg.resume = None, False
    if args.amp:
        cfg.test_cfg.fp16 = True
    checksum = sha256_if_local(checkpoint)
    result = Result(cfg.work_dir, args.config, args.command_line)

    def run(runner: Runner, recorder: MetricRecorder) -> None:
        if checkpoint is None:
            runner.logger.info("Checkpoint 'none': the network is tested untrained.")
            runner._init_model_weights()
        else:
            load_for_test(runner.model, checkpoint)
        runner.test()

    runner, metrics = build_and_run(cfg, run)
    if is_main_process():
        result.write(metrics, runner.seed, checkpoint, checksum, None)
    if leave_together():
        exit_at_once(0)
