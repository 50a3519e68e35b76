"""Builds a runner and runs it. An error before the first iteration becomes one line."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from mmengine.config import Config
from mmengine.runner import Runner

from mmmask.config.signatures import describe_unregistered
from mmmask.launch.runner import MetricRecorder, build_runner
from mmmask.utils.errors import UserError, one_line


def build_and_run(
    cfg: Config, run: Callable[[Runner, MetricRecorder], None]
) -> tuple[Runner, dict]:
    """Build the config's runner and let ``run`` use it.

    Args:
        cfg: A complete config.
        run: Gets the runner and the recorder of its metrics.

    Returns:
        The runner, and the metrics of its last validation or test.

    Raises:
        UserError: For anything raised before the first iteration.
    """
    recorder = MetricRecorder()
    with _explained(recorder, cfg):
        runner = build_runner(cfg)
        runner.register_hook(recorder)
        run(runner, recorder)
    return runner, {**_logged_metrics(runner), **(recorder.metrics or {})}


@contextmanager
def _explained(recorder: MetricRecorder, cfg: Config) -> Iterator[None]:
    try:
        yield
    except UserError:
        raise
    except Exception as error:
        if recorder.started:
            raise
        if isinstance(error, KeyError) and (unknown := describe_unregistered(cfg)):
            raise UserError(unknown) from error
        kind = type(error).__name__
        text = f'{one_line(error)} ({kind} during the set-up; --debug shows where)'
        raise UserError(text) from error


def _logged_metrics(runner: Runner) -> dict:
    """Return the metrics that hooks logged as ``val/...``, such as k-NN during pre-training."""
    scalars = runner.message_hub.log_scalars
    names = [n for n in scalars if n.startswith('val/') and n not in ('val/time', 'val/data_time')]
    return {name.removeprefix('val/'): scalars[name].current() for name in names}
