"""Writes ``result.json``, the numbers of a run that has succeeded."""

from __future__ import annotations

import importlib
import json
import math
import platform
import subprocess
from datetime import datetime
from pathlib import Path

import numpy as np
from mmengine.logging import MMLogger
from mmengine.runner import BaseLoop, Runner
from safetensors.numpy import save_file

from mmmask.launch.usage import Usage
from mmmask.utils.files import write_atomically, write_text_atomically
from mmmask.utils.unwrap import unwrap
from mmmask.version import __version__

PACKAGES = ('torch', 'torchvision', 'numpy', 'mmengine', 'mmcv', 'mmdet', 'mmseg', 'mmpretrain')


class Result:
    """The result of one run.

    Args:
        work_dir: Where ``result.json`` goes. An earlier one is removed: it speaks of another run.
        config: As the user named it.
        command: The command line, for a shell.

    Attributes:
        usage: Measures time and energy, once the runner has it as a hook.
    """

    def __init__(self, work_dir: str, config: str, command: str) -> None:
        self._path = Path(work_dir) / 'result.json'
        self._outcomes = self._path.with_name('outcomes.safetensors')
        self._path.unlink(missing_ok=True)
        self._outcomes.unlink(missing_ok=True)
        self._config = config
        self._command = command
        self._started = datetime.now().astimezone()
        self.usage = Usage()

    def write(
        self,
        metrics: dict,
        seed: int,
        checkpoint: str | None,
        checkpoint_sha256: str | None,
        output_checkpoint: str | None,
        data_wait_share: float | None = None,
        protocol: dict | None = None,
        outcomes: tuple[dict[str, np.ndarray], dict[str, str]] | None = None,
        data: dict[str, dict] | None = None,
    ) -> None:
        """Write the file.

        Args:
            metrics: Of the last validation or test. What isn't a number is left out. So is, with a
                warning, what had nothing to measure: NaN, and pycocotools' -1.
            seed: The seed of rank 0.
            checkpoint: What the run was initialised from, or tested.
            checkpoint_sha256: That file's hash.
            output_checkpoint: What training saved last.
            data_wait_share: The share of this process' training time that waited for data.
            protocol: The named values of an evaluation's protocol, see :func:`protocol_values`.
                They are logged, too.
            outcomes: See :func:`image_outcomes`. They go into ``outcomes.safetensors``.
            data: See :func:`~mmmask.launch.data_sets.describe_data`.
        """
        values = numbers(metrics)
        if unmeasured := [name for name in values if _is_missing(name, values[name])]:
            MMLogger.get_current_instance().warning(
                f'{", ".join(unmeasured)}: there was nothing to measure (no annotated object, no '
                'labelled image), so result.json has no value'
            )
        content = dict(
            status='done',
            config=self._config,
            metrics={name: value for name, value in values.items() if name not in unmeasured},
            seed=seed,
            checkpoint=checkpoint,
            checkpoint_sha256=checkpoint_sha256,
            output_checkpoint=output_checkpoint,
            data_wait_share=None if data_wait_share is None else round(data_wait_share, 4),
            command=self._command,
            versions=versions(),
            started=self._started.isoformat(timespec='seconds'),
            duration_s=round(self.usage.seconds, 3),
            resumed_after_s=round(self.usage.before, 3),
            energy_j={kind: round(joules, 1) for kind, joules in self.usage.joules.items()},
            hardware=self.usage.hardware,
            data=data or {},
        )
        if protocol:
            said = '  '.join(f'{name}: {value}' for name, value in protocol.items())
            MMLogger.get_current_instance().info(f'protocol  {said}')
            content['protocol'] = protocol
        arrays, units = outcomes or ({}, {})
        if arrays:
            write_atomically(self._outcomes, lambda part: save_file(arrays, part, units))
        write_text_atomically(self._path, json.dumps(content, indent=2, default=str) + '\n')


def protocol_values(runner: Runner) -> dict:
    """Return the values of the protocol that a run has measured by, from all parts that have any.

    Those parts have an attribute ``protocol_values``, a dict of plain values: the model, the loop
    of a test, metrics and hooks.
    """
    values: dict = {}
    for part in _parts(runner):
        values |= getattr(part, 'protocol_values', {})
    return values


def image_outcomes(runner: Runner) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    """Return what each test image contributed to metrics, by the metrics' names, and its unit.

    A metric is the mean of its outcomes: 100 for a right image and 0 for a wrong one. Parts that
    have any keep them in an attribute ``outcomes``, (N,) each. Where something else than an image
    contributes, the part's ``outcome_unit`` names it: ``'query'``, for example.

    Returns:
        Outcomes, (N,) float32, and units in the singular.
    """
    arrays, units = {}, {}
    for part in _parts(runner):
        for name, values in getattr(part, 'outcomes', {}).items():
            arrays[name] = np.ascontiguousarray(values, dtype=np.float32)
            units[name] = getattr(part, 'outcome_unit', 'image')
    return arrays, units


def _parts(runner: Runner) -> list:
    """Return the model, the loops of validation and test, metrics and hooks."""
    loops = [loop for loop in (runner._val_loop, runner._test_loop) if isinstance(loop, BaseLoop)]
    evaluators = [getattr(loop, 'evaluator', None) for loop in loops]
    metrics = [metric for one in evaluators for metric in getattr(one, 'metrics', ())]
    return [unwrap(runner.model), *loops, *metrics, *runner.hooks]


def _is_missing(name: str, value: float) -> bool:
    """Return True for NaN, and for -1 of COCO's average precisions and recalls."""
    return math.isnan(value) or (value == -1 and ('_mAP' in name or 'AR@' in name))


def numbers(metrics: dict) -> dict[str, float]:
    """Return the metrics that are numbers (or arrays of one), as floats."""
    result = {}
    for name, value in metrics.items():
        try:
            result[name] = float(value)
        except (TypeError, ValueError):
            continue
    return result


def versions() -> dict[str, str]:
    """Return the versions of Python, the packages and this project; the commit of a checkout."""
    found = dict(python=platform.python_version(), mmmask=__version__)
    checkout = Path(__file__).resolve().parents[2]
    if (checkout / '.git').exists():
        command = ['git', 'rev-parse', '--short=12', 'HEAD']
        git = subprocess.run(command, cwd=checkout, capture_output=True, text=True)
        if git.returncode == 0:
            found['commit'] = git.stdout.strip()
    for name in PACKAGES:
        found[name] = importlib.import_module(name).__version__
    return found
