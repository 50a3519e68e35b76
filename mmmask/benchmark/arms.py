"""Makes the tasks of a suite's tables: each arm's pre-training, and its evaluations.

An arm is where weights come from. A cell of a table that has arm ``a`` and protocol ``p`` needs the
pre-training ``a-s0`` and the evaluation ``p-a-s0``, for every seed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from mmmask.utils.errors import UserError

from .schema import check_keys, check_known, check_schema

INIT_CFG = 'model.backbone.init_cfg'
"""The place in a training's config that ``weights`` without a place go to."""
TESTED = 'checkpoint'
"""The place of a test's checkpoint, which isn't in its config."""


@dataclass(frozen=True)
class Arm:
    """A source of weights that rows or columns of tables compare.

    Attributes:
        name: Key in the suite.
        title: What figures and verdicts call it.
        protocol: Its pre-training; empty: it isn't trained here.
        options: Dotted path -> value, set over the protocol's config and options.
        weights: What the pre-training starts from: an arm, a file, a name with a scheme or
            ``'none'``, or a dict of these by dotted path. Without a pre-training, the arm's weights
            themselves. An arm without both is given by the user.
        source: Where the user gets its checkpoint, or who published its numbers.
        demo: What differs in a demo: ``protocol``, ``options`` or ``weights``.
    """

    name: str
    title: str = ''
    protocol: str = ''
    options: dict[str, Any] = field(default_factory=dict)
    weights: str | dict[str, str] | None = None
    source: str = ''
    demo: dict[str, Any] = field(default_factory=dict)


def read_arms(
    items: Mapping[str, dict], protocols: Mapping[str, dict], given: Mapping[str, str], demo: bool
) -> dict[str, Arm]:
    """Read and check the arms of a suite.

    Args:
        items: Name -> arm as a dict.
        protocols: Name -> protocol as a dict.
        given: Arm -> checkpoint that the user gives instead of the arm's own.
        demo: Whether ``demo`` replaces what it names.

    Raises:
        UserError: If a key or a protocol is unknown, or nothing says where weights come from.
    """
    arms = {}
    for name, item in items.items():
        where = f'arm {name!r}'
        check_schema(item, Arm, where, implied=('name',))
        check_schema(item.get('demo', {}), _Demo, f"{where}, 'demo'")
        arm = Arm(name=name, **{'title': name, **item, **(item.get('demo', {}) if demo else {})})
        if arm.protocol:
            check_known(arm.protocol, protocols, where + ': no such protocol: {}')
        elif arm.options or isinstance(arm.weights, dict):
            raise UserError(f"{where}: 'options' and a dict of 'weights' need a 'protocol'")
        elif arm.weights is None and not arm.source:
            raise UserError(f"{where}: 'protocol', 'weights' or 'source' must say where it is from")
        arms[name] = arm
    for name, checkpoint in given.items():
        check_known(name, arms, '--set: no such arm: {}')
        arms[name] = replace(arms[name], protocol='', options={}, weights=checkpoint)
    return arms


@dataclass(frozen=True)
class _Demo:
    """Holds what a demo changes of an arm."""

    protocol: str = ''
    options: dict[str, Any] = field(default_factory=dict)
    weights: Any = None


class TaskMaker:
    """Makes the tasks that arms and protocols need, each once, behind those it needs.

    Args:
        arms: Name -> arm.
        protocols: Name -> protocol as a dict.
        seeds: A task is made for each.

    Attributes:
        tasks: The tasks as dicts, in the order in which they were asked for.
        missing: Arm -> what the user must give before anything of it can run.
    """

    def __init__(
        self, arms: Mapping[str, Arm], protocols: Mapping[str, dict], seeds: Sequence[int]
    ) -> None:
        self.arms = arms
        self.protocols = protocols
        self.seeds = seeds
        self.missing: dict[str, str] = {}
        self._made: dict[str, dict] = {}

    @property
    def tasks(self) -> list[dict]:
        """Return the tasks that were made."""
        return list(self._made.values())

    def add(self, arm: str, protocol: str | None) -> None:
        """Make the tasks of an arm's number by a protocol; None: its pre-training alone.

        Nothing is made if a checkpoint is missing: :attr:`missing` then says which.
        """
        lacking = self._lacking(arm)
        for other in self._others(protocol).values():
            lacking |= self._lacking(other)
        self.missing |= {name: self.arms[name].source for name in lacking}
        for seed in self.seeds if not lacking else ():
            if protocol in (None, self.arms[arm].protocol):
                self._source(arm, seed)
            else:
                self._evaluation(arm, protocol, seed)

    def _others(self, protocol: str | None) -> dict[str, str]:
        """Return the further weights that a protocol and those before it take, by place."""
        if protocol is None:
            return {}
        item = self.protocols[protocol]
        return {**self._others(item.get('after') or None), **item.get('weights', {})}

    def _lacking(self, name: str) -> set[str]:
        """Return the arms that the user must give before an arm, or a file, can be used."""
        arm = self.arms.get(name)
        if arm is None:
            return set()
        if not arm.protocol and arm.weights is None:
            return {name}
        return set().union(*(self._lacking(source) for source in _places(arm.weights).values()))

    def _source(self, name: str, seed: int) -> str:
        """Return what weights of an arm are called in a task; make its pre-training."""
        arm = self.arms.get(name)
        if arm is None:
            return name
        if not arm.protocol:
            return self._source(arm.weights, seed)
        weights = {place: self._source(w, seed) for place, w in _places(arm.weights).items()}
        task = f'{name}-s{seed}'
        self._made.setdefault(
            task,
            dict(name=task, protocol=arm.protocol, seed=seed, arm=name)
            | dict(weights=_short(weights), options=arm.options),
        )
        return task

    def _evaluation(self, arm: str, protocol: str, seed: int) -> str:
        """Return the name of an evaluation; make it."""
        item = self.protocols[protocol]
        if item.get('after'):
            own = self._evaluation(arm, item['after'], seed)
        else:
            own = self._source(arm, seed)
        others = {place: self._source(w, seed) for place, w in item.get('weights', {}).items()}
        weights = {INIT_CFG if item['run'] == 'train' else TESTED: own, **others}
        task = f'{protocol}-{arm}-s{seed}'
        self._made.setdefault(
            task,
            dict(name=task, protocol=protocol, seed=seed, arm=arm, weights=_short(weights)),
        )
        return task


def _places(weights: str | dict[str, str] | None) -> dict[str, str]:
    """Return weights by place."""
    if weights is None or isinstance(weights, dict):
        return weights or {}
    return {INIT_CFG: weights}


def _short(weights: dict[str, str]) -> str | dict[str, str] | None:
    """Return weights as a task states them: a single one at the usual place needs no dict."""
    if len(weights) == 1 and {*weights} <= {INIT_CFG, TESTED}:
        return next(iter(weights.values()))
    return weights or None


def demo_protocol(name: str, item: dict) -> dict:
    """Return a protocol that has a ``demo`` at the demo's size, on one process.

    The config, options, minutes, values and figures are those of its ``demo``. Metrics stay, or are
    replaced by as many.

    Raises:
        UserError: If its demo names no config or has another number of metrics.
    """
    where, demo = f"protocol {name!r}, 'demo'", item['demo']
    known = ('config', 'options', 'metrics', 'minutes', 'values', 'figures', 'after', 'weights')
    check_keys(demo, known, ('config',), where)
    if len(demo.get('metrics', item.get('metrics', ()))) != len(item.get('metrics', ())):
        raise UserError(f'{where}: as many metrics are needed as without')
    large = ('demo', 'options', 'minutes', 'values', 'figures', 'gpus', 'nodes', 'cpus', 'hours')
    return {**{key: value for key, value in item.items() if key not in large}, **demo}
