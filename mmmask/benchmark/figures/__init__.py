"""Make the report's figures from the runs' own logs and checkpoints.

A protocol asks for figures with ``figures=[dict(type='attention', images=..., ...), ...]``; the
other keys are the keyword arguments of the function of that name.
"""

from __future__ import annotations

import inspect
import io
import warnings
from collections.abc import Callable
from contextlib import redirect_stdout

from mmmask.benchmark.suite import Suite
from mmmask.utils.errors import UserError
from mmmask.utils.suggestions import suggestion

from .attention import attention, masks
from .base import Context, Figure, Row
from .predictions import detections, segmentations
from .training import training

FIGURES: dict[str, Callable[..., Figure]] = dict(
    training=training,
    masks=masks,
    attention=attention,
    detections=detections,
    segmentations=segmentations,
)

__all__ = ['FIGURES', 'Context', 'Figure', 'Row', 'check_figures', 'make_figure']


def check_figures(suite: Suite) -> None:
    """Check the figures that a suite asks for, before anything runs.

    Raises:
        UserError: If a type or an argument doesn't exist, or an argument is missing.
    """
    for protocol in suite.protocols.values():
        for spec in protocol.figures:
            where = f'protocol {protocol.name!r}: '
            if spec['type'] not in FIGURES:
                raise UserError(
                    f'{where}no such figure: {spec["type"]!r}' + suggestion(spec['type'], FIGURES)
                )
            parameters = inspect.signature(FIGURES[spec['type']]).parameters.values()
            known = {p.name: p.default is p.empty for p in parameters if p.kind is p.KEYWORD_ONLY}
            for key in set(spec) - {'type'} - set(known):
                raise UserError(
                    f'{where}figure {spec["type"]!r} takes no {key!r}' + suggestion(key, known)
                )
            for key, required in known.items():
                if required and key not in spec:
                    raise UserError(f'{where}figure {spec["type"]!r} needs {key!r}')


def make_figure(context: Context, spec: dict) -> Figure:
    """Make one figure.

    Raises:
        UserError: If what it shows isn't there.
    """
    arguments = {key: value for key, value in spec.items() if key != 'type'}
    with redirect_stdout(io.StringIO()), warnings.catch_warnings():
        warnings.simplefilter('ignore')  # what data sets have to say, they said in the runs
        return FIGURES[spec['type']](context, **arguments)
