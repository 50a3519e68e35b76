"""The weights that a config names."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from pathlib import Path

from mmengine.config import Config, ConfigDict

from mmmask.config.init_cfg import pretrained_of
from mmmask.utils.errors import UserError
from mmmask.utils.files import is_remote, sha256_of_file

PLACEHOLDER = 'SET-ME'
"""What our configs name as a checkpoint until the user names one."""


def named_checkpoints(cfg: Config) -> Iterator[tuple[str, str]]:
    """Every checkpoint that training would read: its place in the config and its path."""
    if cfg.get('load_from'):
        yield 'load_from', cfg.load_from
    yield from _pretrained(cfg.model, 'model')


def initial_checkpoint(cfg: Config) -> str | None:
    """The first of :func:`named_checkpoints`."""
    return next((path for _, path in named_checkpoints(cfg)), None)


def check_readable(path: str) -> None:
    """A local checkpoint must be a file.

    Raises:
        UserError: It isn't.
    """
    if not is_remote(path) and not Path(path).expanduser().is_file():
        raise UserError(f"There is no checkpoint '{path}'.")


def check_named_checkpoints(cfg: Config) -> None:
    """Every local checkpoint that a config names must be there.

    Raises:
        UserError: One isn't; the message names its place in the config.
    """
    for place, path in named_checkpoints(cfg):
        if path == PLACEHOLDER:
            initialiser = place.removesuffix('.checkpoint')
            without = 'for random scores' if '.scorer.' in place else 'to train from scratch'
            raise UserError(
                f'The config starts from a checkpoint that you choose: --cfg-options {place}=FILE, '
                f'or {initialiser}=None {without}.'
            )
        if not is_remote(path) and not Path(path).expanduser().is_file():
            raise UserError(f"There is no checkpoint '{path}' ({place}).")


def sha256_if_local(path: str | None) -> str | None:
    """Hash of a local file, None for others."""
    if path is None or is_remote(path):
        return None
    return sha256_of_file(str(Path(path).expanduser()))


def without_pretrained(model: ConfigDict) -> ConfigDict:
    """A model's config that reads no checkpoint while it is initialised."""
    model = copy.deepcopy(model)
    _drop_pretrained(model)
    return model


def _pretrained(node: object, place: str) -> Iterator[tuple[str, str]]:
    if isinstance(node, dict):
        if pretrained_of(node) is not None and isinstance(node.get('checkpoint'), str):
            yield f'{place}.checkpoint', node['checkpoint']
        if isinstance(node.get('pretrained'), str):
            yield f'{place}.pretrained', node['pretrained']
        for key, child in node.items():
            yield from _pretrained(child, f'{place}.{key}')
    elif isinstance(node, (list, tuple)):
        for index, child in enumerate(node):
            yield from _pretrained(child, f'{place}.{index}')


def _drop_pretrained(node: object) -> None:
    if isinstance(node, dict):
        for key, child in node.items():
            if (
                key == 'pretrained'
                and isinstance(child, str)
                or key == 'init_cfg'
                and pretrained_of(child) is not None
            ):
                node[key] = None
            else:
                _drop_pretrained(child)
    elif isinstance(node, (list, tuple)):
        for child in node:
            _drop_pretrained(child)
