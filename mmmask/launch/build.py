"""Builds a runner and runs it. An error before the first iteration becomes one line."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import mmengine.registry
from mmengine.config import Config
from mmengine.registry import Registry
from mmengine.runner import Runner

from mmmask.launch.runner import MetricRecorder, build_runner
from mmmask.utils.errors import UserError, one_line
from mmmask.utils.suggestions import nearest

_UNKNOWN_TYPE = re.compile(r'(\S+) is not in the (\S+)::(.+?) registry')


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
    with _explained(recorder):
        runner = build_runner(cfg)
        runner.register_hook(recorder)
        run(runner, recorder)
    return runner, {**_logged_metrics(runner), **(recorder.metrics or {})}


@contextmanager
def _explained(recorder: MetricRecorder) -> Iterator[None]:
    try:
        yield
    except UserError:
        raise
    except Exception as error:
        if recorder.started:
            raise
        raise UserError(_explanation(error)) from error


def _explanation(error: Exception) -> str:
    """Return one line for an exception of the set-up."""
    text = one_line(error)
    unknown = _UNKNOWN_TYPE.search(text)
    if isinstance(error, KeyError) and unknown:
        name, scope, kind = unknown.groups()
        near = nearest(name.split('.')[-1], _registered(scope, kind))
        hint = f" Did you mean '{near}'?" if near else ''
        return f"No {kind} of type '{name}' is registered for {scope}.{hint}"
    return f'{text} ({type(error).__name__} during the set-up; --debug shows where)'


def _registered(scope: str, kind: str) -> list[str]:
    """Return the names in the registries of a kind, in a scope and its parents."""
    names: list[str] = []
    for root in vars(mmengine.registry).values():
        if isinstance(root, Registry) and root.name == kind:
            for registry in (root, root.children.get(scope)):
                names += list(registry.module_dict) if registry is not None else []
    return names


def _logged_metrics(runner: Runner) -> dict:
    """Return the metrics that hooks logged as ``val/...``, such as k-NN during pre-training."""
    scalars = runner.message_hub.log_scalars
    names = [n for n in scalars if n.startswith('val/') and n not in ('val/time', 'val/data_time')]
    return {name.removeprefix('val/'): scalars[name].current() for name in names}
