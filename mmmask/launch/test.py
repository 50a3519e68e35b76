"""Tests a checkpoint, or an untrained network."""

from __future__ import annotations

from mmengine.dist import is_main_process
from mmengine.runner import Runner

from mmmask.checks.first_step import check_first_step
from mmmask.config.checkpoints import check_readable, sha256_if_local, without_pretrained
from mmmask.launch.acceleration import compile_model, test_in
from mmmask.launch.build import build_and_run
from mmmask.launch.data_sets import describe_data
from mmmask.launch.prepare import Request, prepare_config
from mmmask.launch.processes import exit_at_once, leave_together
from mmmask.launch.result import Result, image_outcomes, protocol_values
from mmmask.launch.runner import MetricRecorder
from mmmask.transfer import load_for_test


def test(request: Request, checkpoint: str | None) -> None:
    """Test, and write ``result.json``.

    Args:
        request: What the user asks for.
        checkpoint: File with the weights; None: the network is tested untrained.

    Raises:
        UserError: If the config, the data or the checkpoint is wrong.
    """
    cfg = prepare_config(request, modes=('test',))
    if checkpoint is not None:
        check_readable(checkpoint)
    cfg.model = without_pretrained(cfg.model)  # what is tested is what the command line names
    cfg.load_from, cfg.resume = None, False
    source = cfg.test_cfg.get('source', 'auto')  # of a loop of frozen features
    if request.amp:
        test_in(cfg, request.amp)
    checksum = sha256_if_local(checkpoint)
    result = Result(cfg.work_dir, request.config, request.command)

    def run(runner: Runner, recorder: MetricRecorder) -> None:
        runner.register_hook(result.usage)
        if checkpoint is None:
            runner.logger.info("Checkpoint 'none': the network is tested untrained.")
            runner._init_model_weights()
        else:
            load_for_test(runner.model, checkpoint, source)
        check_first_step(runner, ('test',))
        if request.compile:
            compile_model(runner.model)
        runner.test()

    runner, metrics = build_and_run(cfg, run)
    if is_main_process():
        parts = dict(
            protocol=protocol_values(runner),
            outcomes=image_outcomes(runner),
            data=describe_data(runner),
        )
        result.write(metrics, runner.seed, checkpoint, checksum, None, **parts)
    if leave_together():
        exit_at_once(0)
