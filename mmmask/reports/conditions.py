"""Tells whether two runs measured the same thing, and if not, what the first difference is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from mmmask.launch.settings import Change, changes

if TYPE_CHECKING:
    from .compared_runs import Run

_TEST = ('model', 'data_preprocessor', 'test_dataloader', 'test_cfg', 'test_evaluator')
_TRAIN = (
    *('model', 'data_preprocessor', 'train_dataloader', 'train_cfg', 'optim_wrapper'),
    *('param_scheduler', 'auto_scale_lr', 'default_hooks', 'custom_hooks'),
    *('val_dataloader', 'val_cfg', 'val_evaluator'),
)
"""Parts of a config that a test and a training follow."""

_NO_MATTER = (
    # where weights come from: that is what is compared
    *('init_cfg', 'pretrained', 'load_from'),
    # speed and memory
    *('num_workers', 'persistent_workers', 'pin_memory', 'prefetch_factor', 'features_dir'),
    *('chunk_size', 'recompute', 'with_cp', 'cache', 'fused', 'foreach', 'backend_args'),
    # what is shown, kept or checked
    *('default_hooks.checkpoint', 'default_hooks.logger', 'default_hooks.data_wait'),
    *('default_hooks.timer', 'default_hooks.visualization', 'default_hooks.runtime_info'),
    *('default_hooks.invalid_loss', 'default_hooks.verify_transfer', 'default_hooks.sampler_seed'),
    *('default_hooks.param_scheduler', 'train_cfg.val_interval', 'collect_device', 'collect_dir'),
    *('outfile_prefix', 'output_dir', 'keep_results', 'verify', 'classwise'),
)
"""Keys, or ends of dotted keys, of settings that change no number or are compared elsewhere."""

_ONLY_SPEED_OF_A_TEST = ('*test_dataloader.batch_size', '*val_dataloader.batch_size')
_PLACES = ('data_root', 'data_prefix', 'ann_file', 'split', 'metainfo')
"""Settings of a data set, which its hash tells better."""

_WORDS = (
    ('run', 'measured by another command'),
    ('data.*', 'other data'),
    ('*.data_root', 'other data'),
    ('*.data_prefix*', 'other data'),
    ('*.ann_file', 'other data'),
    ('*.compared_size', 'other size of masks'),
    ('config.*_evaluator*.size', 'other size of masks'),
    ('*.lrs', 'other number of rates tried'),
    ('*.probes', 'other number of probes tried'),
    ('*.selected_on', 'the reported probe is selected on other images'),
    ('*.select', 'the reported probe is selected on other images'),
    ('*.k', 'other number of neighbours'),
    ('*.ks', 'other ranks'),
    ('*.temperature', 'other temperature'),
    ('*.token', 'other features'),
    ('*.feature', 'other features'),
    ('*.features', 'other features'),
    ('*.layer', 'other features'),
    ('*.n_blocks', 'other features'),
    ('*.n_last_blocks', 'other features'),
    ('*.source', 'another network of the checkpoint'),
    ('*.img_size', 'other image size'),
    ('*.pipeline.*.scale', 'other image size'),
    ('*.pipeline.*.crop_size', 'other image size'),
    ('*.pipeline.*.size', 'other image size'),
    ('protocol.*', 'another protocol'),
    ('config.model.backbone.*', 'another network'),
    ('config.model.*', 'another model'),
    ('*.pipeline*', 'other transforms'),
    ('*.max_epochs', 'other length of training'),
    ('*.max_iters', 'other length of training'),
    ('*.epochs', 'other length of training'),
    ('*.batch_size', 'other batch size'),
    ('*.lr', 'other learning rate'),
    ('*.weight_decay', 'other weight decay'),
    ('config.optim_wrapper*.type', 'another optimiser or precision'),
    ('config.optim_wrapper*', 'another optimiser'),
    ('config.param_scheduler*', 'another schedule'),
    ('*', 'another setting'),
)
"""What a difference is called: the first pattern decides, and earlier ones weigh more."""


@dataclass(frozen=True)
class Refusal:
    """The reason why two runs can't be compared.

    Attributes:
        why: In words.
        key: The dotted key of the first difference.
        values: The two values, in words.
        others: The further differences, ``key: value and value``.
    """

    why: str
    key: str
    values: tuple[str, str]
    others: tuple[str, ...] = ()


def conditions(run: Run) -> dict[str, Any]:
    """Return what has to be equal for two numbers of a metric to be comparable.

    It has ``run`` (``train``, ``test`` or hooks of a pre-training), ``data``, ``protocol`` and
    ``config``. Of a pre-training, only its hooks that measure and its backbone's size are
    conditions: its other settings are what is compared.
    """
    config, data = run.config or {}, run.result.get('data', {})
    hashes = {use: _fingerprint(about) for use, about in data.items()}
    if run.is_pretraining:
        hooks = config.get('default_hooks') or {}
        measuring = {name: hook for name, hook in hooks.items() if _measures(hook)}
        backbone = (config.get('model') or {}).get('backbone') or {}
        sizes = {k: backbone.get(k) for k in ('arch', 'img_size', 'patch_size')}
        chosen = _pruned(dict(default_hooks=measuring, model=dict(backbone=sizes)), bool(hashes))
        hashes = {use: told for use, told in hashes.items() if use not in ('train', 'val')}
        kind = 'hooks of a pre-training'
    else:
        kind = 'train' if run.is_training else 'test'
        parts = _TRAIN if run.is_training else _TEST
        chosen = _settings(config, parts, bool(hashes))
    protocol = _pruned(run.result.get('protocol', {}), data_known=False)
    return dict(run=kind, data=hashes, protocol=protocol, config=chosen)


def training_settings(config: Mapping, data: Mapping[str, dict]) -> dict[str, Any]:
    """Return the settings of a training that makes weights, without its seed and its places."""
    chosen = _settings(config, _TRAIN[:-3], bool(data))
    return dict(chosen, data=_fingerprint(data['train']) if 'train' in data else None)


def refusal(first: Run, second: Run) -> Refusal | None:
    """Return why two runs of a metric can't be compared; None if they can."""
    for run in (first, second):
        if run.config is None:
            why = f'{run.name} has no config in its folder'
            return Refusal(why, 'config', ('', ''))
    before, now = conditions(first), conditions(second)
    found = sorted(changes(before, now, ''), key=lambda change: _rank(change.key))
    if not found:
        return None
    change = found[0]
    words = tuple(_in_words(change.key, v, run) for v, run in _sides(change, first, second))
    rest = tuple(
        f'{c.key}: {" and ".join(_in_words(c.key, v, r) for v, r in _sides(c, first, second))}'
        for c in found[1:]
    )
    return Refusal(_why(change), change.key, words, rest)


def differences(then: Mapping, now: Mapping) -> list[str]:
    """Return the differences of two trainings' settings, ``key: value and value``."""
    return [f'{c.key}: {_short(c.then)} and {_short(c.now)}' for c in changes(then, now, '')]


def _sides(change: Change, first: Run, second: Run) -> tuple[tuple[Any, Run], tuple[Any, Run]]:
    return (change.then, first), (change.now, second)


def _why(change: Change) -> str:
    why = _WORDS[_rank(change.key)][1]
    values = (change.then, change.now)
    same_number = (
        all(isinstance(value, tuple) for value in values) and len({*map(len, values)}) == 1
    )
    return why.replace('number of rates', 'rates') if same_number else why


def _rank(key: str) -> int:
    """Return the row of `_WORDS` for a key; items of lists are called as the list."""
    parts = key.split('.')
    while parts[-1].isdecimal():
        parts.pop()
    return next(i for i, (form, _) in enumerate(_WORDS) if fnmatchcase('.'.join(parts), form))


def _in_words(key: str, value: Any, run: Run) -> str:
    if key.startswith('data.'):
        about = run.result.get('data', {}).get(key.split('.')[1])
        if about is None:
            return 'not recorded'
        digest = f', sha256 {about["sha256"][:12]}' if about['sha256'] else ''
        return f'{about["images"]:,} images of {about["folder"] or "?"}{digest}'
    if isinstance(value, tuple) and key.endswith('.lrs'):
        return f'{len(value)} ({", ".join(f"{rate:g}" for rate in value)})'
    return _short(value)


def _short(value: Any) -> str:
    if value is None:
        return 'none'
    value = list(value) if isinstance(value, tuple) else value
    text = value if isinstance(value, str) else repr(value)
    return text if len(text) <= 90 else f'{text[:87]}...'


def _fingerprint(about: Mapping) -> str | int:
    """Return what tells a data set: the hash of its samples, or their number."""
    return about['sha256'] or about['images']


def _measures(hook: Any) -> bool:
    """Return whether a hook measures in the course of a training, and leaves no trace in it."""
    return isinstance(hook, dict) and 'bank_dataloader' in hook


def _settings(config: Mapping, parts: Sequence[str], data_known: bool) -> dict[str, Any]:
    """Return the settings of some parts of a config that change numbers."""
    chosen = {part: config.get(part) for part in parts}
    if hooks := chosen.get('default_hooks'):
        chosen['default_hooks'] = {k: v for k, v in hooks.items() if not _measures(v)}
    if not (chosen.get('auto_scale_lr') or {}).get('enable'):
        chosen['auto_scale_lr'] = None
    return _pruned(chosen, data_known)


def _pruned(value: Any, data_known: bool, key: str = '') -> Any:
    """Return settings without those that don't matter, and with None for what isn't there."""
    if isinstance(value, list):
        items = [_pruned(item, data_known, f'{key}.{i}') for i, item in enumerate(value)]
        nested = any(isinstance(item, (dict, list)) for item in value)
        return items if nested else tuple(items)  # a plain list differs as a whole
    if not isinstance(value, dict):
        return value
    found = {}
    for name, item in value.items():
        inner = f'{key}.{name}'.lstrip('.')
        dropped = any(f'.{inner}'.endswith(f'.{ending}') for ending in _NO_MATTER)
        dropped |= any(fnmatchcase(inner, form) for form in _ONLY_SPEED_OF_A_TEST)
        dropped |= '_dataloader.batch_size' in inner and inner.startswith('test_cfg.')
        dropped |= data_known and name in _PLACES
        if not dropped and item is not None:
            found[name] = _pruned(item, data_known, inner)
    return found
