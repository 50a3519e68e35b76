"""Find and check the checkpoints that a config names."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from mmengine.config import Config, ConfigDict

from mmmask.config.init_cfg import PLACEHOLDER, pretrained_of
from mmmask.utils.errors import UserError
from mmmask.utils.files import is_remote, sha256_of_file


@dataclass(frozen=True)
class NamedCheckpoint:
    """A checkpoint that a config names.

    Attributes:
        keys: Its place in the config, key by key.
        path: The file, or a name with a scheme.
    """

    keys: tuple[str, ...]
    path: str

    @property
    def place(self) -> str:
        """Return the place in the config, e.g. 'model.backbone.init_cfg.checkpoint'."""
        return '.'.join(self.keys)

    @property
    def is_scorer(self) -> bool:
        """Return True if its network gives a masker's scores, rather than being trained."""
        return 'scorer' in self.keys


def named_checkpoints(cfg: Config) -> Iterator[NamedCheckpoint]:
    """Yield every checkpoint that training would read."""
    if cfg.get('load_from'):
        yield NamedCheckpoint(('load_from',), cfg.load_from)
    yield from _pretrained(cfg.model, ('model',))


def initial_checkpoint(cfg: Config) -> str | None:
    """Return the path of the first named checkpoint, None if there is none."""
    return next((named.path for named in named_checkpoints(cfg)), None)


def check_readable(path: str, place: str = '') -> None:
    """Check that a local checkpoint is a file.

    Args:
        path: The file, or a name with a scheme, which isn't checked.
        place: Its place in the config, for the message.

    Raises:
        UserError: If there is no such file.
    """
    if not is_remote(path) and not Path(path).expanduser().is_file():
        raise UserError(f"There is no checkpoint '{path}'{f' ({place})' if place else ''}.")


def check_named_checkpoints(cfg: Config) -> None:
    """Check that the user has named every checkpoint, and that every local one is a file.

    Raises:
        UserError: If one isn't; the message names its place in the config.
    """
    for named in named_checkpoints(cfg):
        if named.path == PLACEHOLDER:
            initialiser = '.'.join(named.keys[:-1])
            without = 'for random scores' if named.is_scorer else 'to train from scratch'
            raise UserError(
                'The config starts from a checkpoint that you choose: --cfg-options '
                f'{named.place}=FILE, or {initialiser}=None {without}.'
            )
        check_readable(named.path, named.place)


def sha256_if_local(path: str | None) -> str | None:
    """Return the hash of a local file, None for others."""
    if path is None or is_remote(path):
        return None
    return sha256_of_file(str(Path(path).expanduser()))


def without_pretrained(model: ConfigDict) -> ConfigDict:
    """Return a copy of a model's config that reads no checkpoint while it is initialised."""
    model = copy.deepcopy(model)
    _drop_pretrained(model)
    return model


def _pretrained(node: object, keys: tuple[str, ...]) -> Iterator[NamedCheckpoint]:
    if isinstance(node, dict):
        if pretrained_of(node) is not None and isinstance(node.get('checkpoint'), str):
            yield NamedCheckpoint((*keys, 'checkpoint'), node['checkpoint'])
        if isinstance(node.get('pretrained'), str):
            yield NamedCheckpoint((*keys, 'pretrained'), node['pretrained'])
    for key, child in _children(node):
        yield from _pretrained(child, (*keys, str(key)))


def _drop_pretrained(node: object) -> None:
    for key, child in _children(node):
        reads = key == 'init_cfg' and pretrained_of(child) is not None
        if reads or (key == 'pretrained' and isinstance(child, str)):
            node[key] = None
        else:
            _drop_pretrained(child)


def _children(node: object) -> list[tuple]:
    """Return the keys and values of a dict, or the indices and values of a list."""
    if isinstance(node, dict):
        return list(node.items())
    return list(enumerate(node)) if isinstance(node, (list, tuple)) else []
