"""Values of a config by path: its own, those of what it builds, of its schedules and optimiser.

Everything is read and built once in a session, networks on the meta device, without weights. Treat
what you get as read-only.
"""

from __future__ import annotations

import copy
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import MagicMock

import torch
from mmengine.config import Config
from mmengine.optim import build_optim_wrapper
from mmengine.registry import MODELS, TRANSFORMS
from mmpretrain.registry import HOOKS
from torch.nn.modules.batchnorm import _BatchNorm

from mmmask.config.build import scope_of
from mmmask.config.options import read_with_options
from mmmask.config.read import read_config

CONFIGS = Path(__file__).parents[2] / 'configs'
STEPS = 7  # of an epoch, in schedules


@cache
def config(name: str) -> Config:
    """Read a config: a path below ``configs/`` without ``.py``, or an arm's.

    ``suite:attmask/layer6`` is the pre-training of that arm of ``suites/_base_/attmask.py``.
    """
    if name.startswith('suite:'):
        paper, arm = name.removeprefix('suite:').split('/')
        protocol = suite(paper).protocols[suite(paper).arms[arm].protocol]
        return read_with_options(protocol.config, _options(paper, arm))
    return read_config(str(CONFIGS / f'{name}.py'))


@cache
def suite(paper: str) -> Config:
    """Read the protocols and arms that the suites of a paper share."""
    return read_config(str(CONFIGS / 'suites' / '_base_' / f'{paper}.py'))


def arms_with_options() -> list[str]:
    """Return every arm of the papers' suites whose pre-training is a config with options."""
    papers = sorted(path.stem for path in (CONFIGS / 'suites' / '_base_').glob('*.py'))
    arms = [(paper, arm) for paper in papers for arm in suite(paper).get('arms', ())]
    return [f'suite:{paper}/{arm}' for paper, arm in arms if _options(paper, arm)]


def _options(paper: str, name: str) -> dict[str, Any]:
    """Return what an arm changes of its protocol's config."""
    arm = suite(paper).arms[name]
    if not arm.get('protocol'):
        return {}
    protocol = suite(paper).protocols[arm.protocol]
    return {**protocol.get('options', {}), **arm.get('options', {})}


def value(name: str, path: str) -> Any:
    """Return the value of a config at a path, or None where an option isn't given.

    Args:
        name: As for `config`.
        path: One of

            - ``train_cfg.max_epochs``, ``pipeline.1.scale``: what the config says;
            - ``model.masker:ratio``: an attribute of what that part of the config builds;
            - ``lr@55``: what the schedule of that name assigns at the start of an epoch, of a group
              with the optimiser's own values, the run's end included;
            - ``rate of backbone.cls_token``: a parameter's learning rate and weight decay;
            - ``has model:backbone.ln2``: whether that is there;
            - ``scales of val_dataloader.dataset.pipeline``: (longer, shorter) sides that its steps
              resize to;
            - ``number of batch norms``: of the whole model.
    """
    if path == 'number of batch norms':
        return sum(isinstance(m, _BatchNorm) for m in built(name, 'model').modules())
    if path.startswith('has '):
        part, attribute = path.removeprefix('has ').split(':')
        *parents, last = attribute.split('.')
        return hasattr(_follow(built(name, part), '.'.join(parents)), last)
    if path.startswith('scales of '):
        return _scales(_follow(config(name), path.removeprefix('scales of ')))
    if path.startswith('rate of '):
        return _rates(name)[path.removeprefix('rate of ')]
    if '@' in path:
        schedule, epoch = path.split('@')
        return _scheduled(name, schedule, float(epoch))
    part, _, attribute = path.partition(':')
    if attribute:
        return _follow(built(name, part), attribute)
    return _follow(config(name), part)


def _follow(node: Any, path: str) -> Any:
    for key in path.split('.'):
        if node is None:
            return None
        if key == 'length':
            node = len(node)
        elif isinstance(node, dict):
            node = node.get(key)
        elif key.lstrip('-').isdigit():
            node = node[int(key)]
        elif key == 'type':
            node = type(node).__name__
        else:
            node = getattr(node, key)
    return node


def _scales(pipeline: list[dict]) -> set[tuple[int, int]]:
    """Every size that a pipeline resizes to, also in its branches."""
    found = set()
    for step in pipeline:
        if step['type'] == 'RandomChoice':
            found |= {scale for branch in step['transforms'] for scale in _scales(branch[-1:])}
        if 'Resize' in step['type']:
            given = step['scales'] if 'scales' in step else [step['scale']]
            found |= {(max(scale), min(scale)) for scale in given}
    return found


@cache
def built(name: str, part: str) -> Any:
    """Build a part of a config, ``'model'`` or another, without weights."""
    cfg = config(name)
    options = copy.deepcopy(_follow(cfg, part))
    registry = TRANSFORMS if 'pipeline' in part else HOOKS if 'hooks' in part else MODELS
    if part == 'model':
        options.setdefault('data_preprocessor', cfg.get('data_preprocessor'))
        if isinstance(options['backbone'], dict):
            options['backbone'].pop('init_cfg', None)  # the checkpoint is the user's to choose
    swin = 'Swin' in str(options)  # computes with tensors when it is built
    with scope_of(cfg), torch.device('cpu' if swin else 'meta'):
        return registry.build(options)


@cache
def _rates(name: str) -> dict[str, tuple[float, float]]:
    model = built(name, 'model')
    with scope_of(config(name)):
        groups = build_optim_wrapper(model, config(name).optim_wrapper).optimizer.param_groups
    found = {id(p): (g['lr'], g['weight_decay']) for g in groups for p in g['params']}
    return {k: found[id(p)] for k, p in model.named_parameters() if id(p) in found}


@cache
def _schedule(name: str) -> tuple[Any, SimpleNamespace]:
    """The hook of a config, and a run that it has started to move the values of."""
    cfg = config(name)
    weight = torch.nn.Parameter(torch.zeros(2, 2))
    model = torch.nn.Module()
    model.weight = weight
    wrapper = dict(cfg.optim_wrapper, type='OptimWrapper', constructor=None)
    del wrapper['constructor']
    runner = SimpleNamespace(
        model=MagicMock(),
        optim_wrapper=build_optim_wrapper(model, wrapper),
        message_hub=MagicMock(),
        param_schedulers=None,
        train_dataloader=range(STEPS),
        max_iters=cfg.train_cfg.max_epochs * STEPS,
    )
    hook = HOOKS.build(cfg.default_hooks.schedule)
    hook.before_train(runner)
    return hook, runner


def _scheduled(name: str, schedule: str, epoch: float) -> float:
    hook, runner = _schedule(name)
    runner.iter = round(epoch * STEPS)
    hook.before_train_iter(runner, 0)
    path = config(name).default_hooks.schedule.schedules[schedule].path
    if path.startswith('optimizer.'):
        return _follow(runner.optim_wrapper.param_groups[0], path.removeprefix('optimizer.'))
    return _follow(runner, path)
