"""Check ``--cfg-options``, and the keys of configs of this project's classes."""

from __future__ import annotations

import copy
import inspect
import re
from collections.abc import Iterable, Mapping
from typing import Any

from mmengine.config import Config, DictAction
from mmengine.runner import Runner

from mmmask.config.read import read_config
from mmmask.config.signatures import (
    TAKEN_BEFORE,
    accepted_keys,
    find_parameter,
    find_registered,
)
from mmmask.utils.errors import UserError
from mmmask.utils.literals import read_literal
from mmmask.utils.suggestions import nearest

# What a config may have at its top although ours doesn't: the runner's arguments and what it reads
# besides.
_RUNNER_KEYS = set(inspect.signature(Runner.__init__).parameters) - {'self', 'cfg'} | {
    'activation_checkpointing',
    'compile',
    'efficient_conv_bn_eval',
    'find_unused_parameters',
    'model_wrapper_cfg',
    'sync_bn',
}
_NOT_ONLY_TEXT = re.compile(r'\b(int|float|bool|Sequence|list|tuple)\b', re.IGNORECASE)
"""Types in the annotation of an argument that takes more than text."""


class Options(dict):
    """Values of ``--cfg-options`` by dotted key.

    Attributes:
        texts: The words that the values were read from, by dotted key.
    """

    def __init__(self) -> None:
        super().__init__()
        self.texts: dict[str, str] = {}


def read_options(words: Iterable[str], options: Options | None = None) -> Options:
    """Read the words after ``--cfg-options``.

    mmengine's parser reads lists and numbers. It would drop spaces within texts, and leave dicts
    (``key="dict(a=['x'], b=True)"``) as text or follow them without end.

    Args:
        words: ``KEY=VALUE`` each.
        options: Earlier ones, to which these are added.

    Raises:
        ValueError: If a word has no ``=``, or a value is malformed.
    """
    options = options or Options()
    for word in words:
        key, equals, text = word.partition('=')
        if not equals:
            raise ValueError(f'got {word!r}')
        options[key], options.texts[key] = _read_value(text), text
    return options


def _read_value(text: str) -> Any:
    if re.match(r'[\[(\s]*(dict\(|\{)', text):
        return read_literal(text)
    text = text.strip()
    if not text.startswith(('(', '[')) and ',' not in text:
        return DictAction._parse_int_float_bool(text.strip('\'"'))
    text = re.sub(r'\s*([][(),])\s*', r'\1', text).replace(' ', '\0')  # it would drop spaces

    def with_spaces(value: Any) -> Any:
        if isinstance(value, (list, tuple)):
            return type(value)(map(with_spaces, value))
        return value.replace('\0', ' ') if isinstance(value, str) else value

    return with_spaces(DictAction._parse_iterable(text))


def read_with_options(name: str, options: Mapping[str, Any]) -> Config:
    """Read a config, change values of it, and check the keys of this project's classes.

    Args:
        name: A path, or ``package::path``.
        options: Values by dotted key, as :func:`read_options` gives them.

    Raises:
        UserError: If the config can't be read, or a value or a key doesn't fit.
    """
    cfg = read_config(name)
    merge_options(cfg, options)
    check_own_parts(cfg)
    return cfg


def merge_options(cfg: Config, options: Mapping[str, Any]) -> None:
    """Check ``--cfg-options`` and merge them into a config.

    A key that holds text keeps it: a folder called 2024 is no number there, and a comma makes no
    list. An option may be a key of a dict that another option gives.

    Args:
        cfg: The config, changed in place.
        options: Values by dotted key.

    Raises:
        UserError: For a key whose parents don't exist, that a class doesn't take, or that is nearly
            an existing one.
    """
    for key in options:
        parts = key.split('.')
        above = ('.'.join(parts[:depth]) for depth in range(1, len(parts)))
        if not any(isinstance(options.get(name), dict) for name in above):
            _check_option(cfg, key)
    texts = options.texts if isinstance(options, Options) else {}
    merged = {}
    for key, value in sorted(options.items(), key=lambda item: item[0].count('.')):
        *parents, leaf = key.split('.')
        node: Any = cfg
        for name in parents:
            is_list = isinstance(node, (list, tuple))
            node = node[int(name)] if is_list else node.get(name, {}) if node else {}
        if isinstance(node, (dict, Config)):
            if isinstance(value, dict) and leaf in node and not isinstance(node[leaf], dict):
                value = {**value, '_delete_': True}  # mmengine would merge it into None or a text
            elif key in texts and not isinstance(value, (str, dict, type(None))):
                value = _as_text(cfg, node, leaf, texts[key], value)
        merged[key] = copy.deepcopy(value)  # mmengine puts a deeper option into it
    cfg.merge_from_dict(merged)


def _as_text(cfg: Config, node: Any, leaf: str, text: str, value: Any) -> Any:
    """Return the text of an option whose key holds text, else the value that was read from it."""
    kinds = find_registered(node.get('type'), cfg.get('default_scope', 'mmengine'))
    parameters = [find_parameter(kind, leaf) for kind in [Runner] if node is cfg] + [
        find_parameter(kind, leaf) for kind in kinds
    ]
    hints = [str(p.annotation) for p in parameters if p and p.annotation is not p.empty]
    if hints:
        holds_text = all('str' in hint and not _NOT_ONLY_TEXT.search(hint) for hint in hints)
    else:
        holds_text = isinstance(node.get(leaf), str) and not text.startswith(('(', '['))
    is_number_too = leaf == 'loss_scale'  # mmengine's annotation of it says str alone
    return text.strip().strip('\'"') if holds_text and not is_number_too else value


def check_own_parts(cfg: Config) -> None:
    """Check every config of a class of this project, and every ``init_cfg``.

    A config may have the keys that its class takes, and no others.

    Raises:
        UserError: One has not; the message names the key, its place and the nearest one. Or an
            ``init_cfg`` is a file, or has a checkpoint that its type doesn't take.
    """
    for key, value in cfg.items():
        _check_own(value, key, cfg.get('default_scope', 'mmengine'))


def _check_option(cfg: Config, key: str) -> None:
    *parents, leaf = key.split('.')
    node: Any = cfg
    for depth, name in enumerate(parents):
        place = '.'.join(parents[:depth]) or 'the config'
        if isinstance(node, (list, tuple)):
            node = _item(node, name, key, place)
            continue
        if name not in node:
            if depth == 0 and name in _RUNNER_KEYS:
                return
            if _is_argument(node, name, cfg.get('default_scope', 'mmengine')):
                return  # of a new dict; what is in it shows when it is used
            raise _unknown(key, name, place, node.keys())
        node = node[name]
        if not isinstance(node, (dict, list, tuple)):
            here = '.'.join(parents[: depth + 1])
            raise UserError(
                f'--cfg-options {key}: {here} is {node!r}, which has no keys. Give it a dict in a '
                'config of your own.'
            )
    place = '.'.join(parents) or 'the config'
    if isinstance(node, (list, tuple)):
        _item(node, leaf, key, place)
    elif leaf not in node:
        _check_new_leaf(node, leaf, key, place, cfg.get('default_scope', 'mmengine'))


def _is_argument(node: Any, name: str, scope: str) -> bool:
    """Return True if a class takes an argument of that name."""
    kinds = find_registered(node.get('type'), scope)
    return any(name in accepted_keys(kind).names for kind in kinds)


def _check_new_leaf(node: Any, leaf: str, key: str, place: str, scope: str) -> None:
    """Check that a class takes a key that its config doesn't have yet."""
    if place == 'the config':
        if leaf not in _RUNNER_KEYS:
            raise _unknown(key, leaf, place, node.keys())
        return
    kinds = [accepted_keys(kind) for kind in find_registered(node.get('type'), scope)]
    names = set().union(*(kind.names for kind in kinds)) if kinds else set(node)
    if leaf in names | TAKEN_BEFORE:
        return
    is_open = not kinds or any(kind.open for kind in kinds)
    if not is_open:
        raise UserError(
            f'--cfg-options {key}: {node["type"]} ({place}) takes no {leaf!r}. '
            f'{_accepted(leaf, names)}'
        )
    if nearest(leaf, names, cutoff=0.8):
        raise _unknown(key, leaf, place, names)


def _check_own(node: Any, place: str, scope: str) -> None:
    if isinstance(node, dict):
        for kind in find_registered(node.get('type'), node.get('_scope_', scope)):
            if not getattr(kind, '__module__', '').startswith('mmmask.'):
                continue
            accepted = accepted_keys(kind)
            unknown = [key for key in node if key not in accepted.names | TAKEN_BEFORE]
            if unknown and not accepted.open:
                raise UserError(
                    f'{kind.__name__} ({place}) takes no {unknown[0]!r}. '
                    f'{_accepted(unknown[0], accepted.names)}'
                )
        for key, child in node.items():
            if key == 'init_cfg':
                _check_init_cfg(child, f'{place}.{key}', scope)
            _check_own(child, f'{place}.{key}', scope)
    elif isinstance(node, (list, tuple)):
        for index, child in enumerate(node):
            _check_own(child, f'{place}.{index}', scope)


def _check_init_cfg(init_cfg: Any, place: str, scope: str) -> None:
    """Check that an ``init_cfg`` has no checkpoint left of a base config."""
    for entry in init_cfg if isinstance(init_cfg, (list, tuple)) else [init_cfg]:
        if not entry:
            continue
        if not isinstance(entry, dict):
            raise UserError(
                f'{place} is {entry!r}, no dict: give a file as {place}.checkpoint={entry}.'
            )
        kind = entry.get('type')
        if kind is None:
            raise UserError(f"{place} has no type: write {place}=dict(type='Pretrained', ...).")
        takes = 'checkpoint' not in entry or _is_argument(entry, 'checkpoint', scope)
        if not takes and find_registered(kind, scope):
            raise UserError(
                f'{place} is of type {kind}, which takes no checkpoint; a base config gives one: '
                f'write init_cfg=dict(_delete_=True, type={kind!r}, ...).'
            )


def _item(node: Any, name: str, key: str, place: str) -> Any:
    if not name.isdigit() or int(name) >= len(node):
        raise UserError(
            f'--cfg-options {key}: {place} is a list of {len(node)}, so {name!r} must be a number '
            'from 0 to '
            f'{len(node) - 1}.'
        )
    return node[int(name)]


def _unknown(key: str, name: str, place: str, known: Iterable[str]) -> UserError:
    near = nearest(name, known, cutoff=0.5)
    hint = f' Did you mean {near!r}?' if near else f' It has {", ".join(sorted(known)[:12])}.'
    return UserError(f'--cfg-options {key}: {place} has no {name!r}.{hint}')


def _accepted(name: str, names: Iterable[str]) -> str:
    names = sorted(names)
    near = nearest(name, names)
    hint = f'Did you mean {near!r}? ' if near else ''
    return f'{hint}It takes {", ".join(names)}.'
