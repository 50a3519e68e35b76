"""Find the keys that a registered class takes."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass

import mmengine.registry
from mmengine.config import Config
from mmengine.registry import Registry

from mmmask.utils.suggestions import nearest

# Keys that registries and their users take out of a config before they build from it.
TAKEN_BEFORE = {
    'type',
    '_scope_',
    '_delete_',
    'priority',  # hooks
    'constructor',  # optimiser wrappers
    'paramwise_cfg',
    'convert_to_iter_based',  # schedulers
}


@dataclass(frozen=True)
class Accepted:
    """Holds the keys that a class names. ``open``: the class passes any other key on."""

    names: frozenset[str]
    open: bool


def accepted_keys(kind: Callable) -> Accepted:
    """Return the keyword arguments of a class or function.

    A class with ``**kwargs`` is taken to pass them to the next class in its MRO, and so on.
    """
    if not inspect.isclass(kind):
        names, is_open = _explicit(kind)
        return Accepted(frozenset(names), is_open)
    names: set[str] = set()
    is_open = False
    for parent in kind.__mro__:
        if '__init__' not in vars(parent) or parent is object:
            continue
        more, is_open = _explicit(parent.__init__)
        names |= more
        if not is_open or parent.__module__.startswith('torch.'):
            is_open = False
            break
    else:
        # The last **kwargs in the chain ends at `object`, unless the class keeps them for another.
        is_open = is_open and not kind.__module__.startswith('mmmask.')
    return Accepted(frozenset(names), is_open)


def find_parameter(kind: Callable, name: str) -> inspect.Parameter | None:
    """Return the parameter of that name of a class, or of the first parent that has it."""
    for owner in kind.__mro__ if inspect.isclass(kind) else [kind]:
        function = vars(owner).get('__init__') if inspect.isclass(owner) else owner
        parameters = inspect.signature(function).parameters if inspect.isfunction(function) else {}
        if name in parameters:
            return parameters[name]
    return None


def find_registered(name: object, default_scope: str) -> list[Callable]:
    """Return all classes and functions that a config's ``type`` may name.

    The place in a config decides between registries, so all are searched.

    Args:
        name: A class, a name or ``scope.name``.
        default_scope: Where names without a scope are looked up first.
    """
    if not isinstance(name, str):
        return [name] if callable(name) else []
    scope, _, bare = name.rpartition('.')
    scopes = [scope] if scope else [default_scope, 'mmengine']
    for wanted in scopes:
        found = [
            registry.module_dict[bare]
            for registry in _registries(wanted)
            if bare in registry.module_dict
        ]
        if found:
            return list(dict.fromkeys(found))
    return []


def describe_unregistered(cfg: Config) -> str | None:
    """Return a line about the first ``type`` of a config that no registry knows; None if none."""
    scope = cfg.get('default_scope', 'mmengine')
    found = next(_unregistered(dict(cfg), 'the config', scope), None)
    if found is None:
        return None
    name, place, scope = found
    names = [name for s in (scope, 'mmengine') for r in _registries(s) for name in r.module_dict]
    near = nearest(name.rpartition('.')[2], names)
    hint = f" Did you mean '{near}'?" if near else ''
    return f"No part of type '{name}' is registered for {scope} ({place}).{hint}"


def _unregistered(node: object, place: str, scope: str) -> Iterator[tuple[str, str, str]]:
    """Yield the name, the place and the scope of every ``type`` that no registry knows."""
    if isinstance(node, dict):
        scope = node.get('_scope_', scope)
        name = node.get('type')
        if isinstance(name, str) and not find_registered(name, scope):
            yield name, place, scope
    children = node.items() if isinstance(node, dict) else enumerate(node)
    for key, child in children:
        if isinstance(child, (dict, list, tuple)):
            yield from _unregistered(child, f'{place}.{key}'.removeprefix('the config.'), scope)


def _explicit(function: Callable) -> tuple[set[str], bool]:
    parameters = inspect.signature(function).parameters.values()
    named = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    names = {p.name for p in parameters if p.kind in named and p.name != 'self'}
    return names, any(p.kind is inspect.Parameter.VAR_KEYWORD for p in parameters)


def _registries(scope: str) -> list[Registry]:
    """Return the registries of a scope, filled."""
    roots = [root for root in vars(mmengine.registry).values() if isinstance(root, Registry)]
    if scope == 'mmengine':
        found = roots
    else:
        with suppress(ImportError):
            importlib.import_module(f'{scope}.registry')
        found = [root.children[scope] for root in roots if scope in root.children]
    for registry in found:
        registry.import_from_location()
    return found
