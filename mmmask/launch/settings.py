"""Compares a run's settings with those that its checkpoint was saved under."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Any

from mmengine.config import Config

from mmmask.utils.literals import read_assignments


class Effect(Enum):
    """Says what a changed setting does to a resumed training."""

    NONE = 0
    FOLLOWED = 1
    ANOTHER_RUN = 2


# The longest beginning of a key decides; keys without one have no effect on the training.
_DATA, _HOOKS = 'train_dataloader.dataset', 'default_hooks'
_EFFECTS = {
    **dict.fromkeys(
        (
            *('model', 'data_preprocessor', _DATA, 'train_dataloader.sampler'),
            *('train_dataloader.collate_fn', 'train_cfg.type', 'train_cfg.by_epoch'),
            *('optim_wrapper.optimizer.type', 'optim_wrapper.constructor'),
        ),
        Effect.ANOTHER_RUN,
    ),
    **dict.fromkeys(
        (
            *('optim_wrapper', 'param_scheduler', 'auto_scale_lr', 'train_cfg.max_epochs'),
            *('train_cfg.max_iters', 'train_dataloader.batch_size', 'train_dataloader.drop_last'),
            *(f'{_DATA}.{key}' for key in ('data_root', 'data_prefix', 'ann_file', 'skip_broken')),
            *('custom_hooks', _HOOKS),
        ),
        Effect.FOLLOWED,
    ),
    **dict.fromkeys(
        (
            *(f'{_DATA}.{key}' for key in ('max_pixels', 'verify', 'cache')),
            *(f'{_HOOKS}.{key}' for key in ('checkpoint', 'data_wait', 'invalid_loss', 'knn')),
            *(f'{_HOOKS}.{key}' for key in ('logger', 'param_scheduler', 'runtime_info')),
            *(f'{_HOOKS}.{key}' for key in ('sampler_seed', 'timer', 'verify_transfer')),
            f'{_HOOKS}.visualization',
            *('model.backbone.recompute', 'model.backbone.with_cp'),
            *('optim_wrapper.optimizer.fused', 'optim_wrapper.optimizer.foreach'),
        ),
        Effect.NONE,
    ),
}


@dataclass(frozen=True)
class Change:
    """A setting that isn't what it was.

    Attributes:
        key: Its dotted key.
        then: The value in the checkpoint's config; None if there was none.
        now: The present value.
    """

    key: str
    then: Any
    now: Any

    @property
    def effect(self) -> Effect:
        """Return the effect; an ``init_cfg`` has none, as weights come from the checkpoint."""
        parts = self.key.split('.')
        if 'init_cfg' in parts:
            return Effect.NONE
        beginnings = ('.'.join(parts[:count]) for count in range(len(parts), 0, -1))
        return next((_EFFECTS[key] for key in beginnings if key in _EFFECTS), Effect.NONE)

    def __str__(self) -> str:
        then, now = (
            text if len(text) <= 60 else text[:57] + '...'
            for text in map(repr, (self.then, self.now))
        )
        return f'{self.key} {then} -> {now}'


def changed_settings(saved: str, cfg: Config) -> list[Change]:
    """Return the settings with an effect that a checkpoint's config has otherwise.

    Args:
        saved: The text of that config, as mmengine saves it; it is read as data and never run.
        cfg: The present config.
    """
    then, now = (plain(read_assignments(text)) for text in (saved, cfg.pretty_text))
    return [change for change in changes(then, now, '') if change.effect is not Effect.NONE]


def plain(value: Any) -> Any:
    """Return a value with lists for tuples."""
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    return [plain(item) for item in value] if isinstance(value, (list, tuple)) else value


def changes(then: Any, now: Any, key: str) -> Iterator[Change]:
    if isinstance(then, list) and isinstance(now, list) and len(then) == len(now):
        then, now = (dict(enumerate(items)) for items in (then, now))
    if isinstance(then, dict) and isinstance(now, dict):
        for name in dict.fromkeys([*then, *now]):
            yield from changes(then.get(name), now.get(name), f'{key}.{name}'.lstrip('.'))
    elif then != now:
        yield Change(key, then, now)
