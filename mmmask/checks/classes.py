"""Compare the classes of a config's model, data and metrics."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from mmengine.config import Config

from mmmask.checks.uses import Use, data_sets, evaluators
from mmmask.config.signatures import find_registered
from mmmask.datasets.transforms import AugmentingDataPreprocessor
from mmmask.utils.errors import UserError
from mmmask.utils.files import is_remote

# The heads whose num_classes are the data set's. Not a region proposal head's.
_HEADS = ('head', 'bbox_head', 'mask_head', 'decode_head', 'auxiliary_head')


def class_counts(node: Any, place: str = 'model') -> Iterator[tuple[str, int]]:
    """Yield the place and num_classes of every head, or model without one, that labels the data."""
    if isinstance(node, dict):
        name = next(part for part in reversed(place.split('.')) if not part.isdigit())
        labels_data = place == 'model' or name in _HEADS
        if labels_data and isinstance(node.get('num_classes'), int):
            yield f'{place}.num_classes', node['num_classes']
    children = node.items() if isinstance(node, dict) else ()
    for key, child in enumerate(node) if isinstance(node, (list, tuple)) else children:
        yield from class_counts(child, f'{place}.{key}')


def head_classes(cfg: Config) -> int | None:
    """Return the classes of the model; None where no head has a number, or heads differ."""
    counts = {count for _, count in class_counts(cfg.get('model'))}
    return counts.pop() if len(counts) == 1 else None


def check_heads(cfg: Config, count: int, names: Sequence[str]) -> None:
    """Compare the classes of each of the model's heads with the data set's.

    Args:
        cfg: The config.
        count: Classes of the data set.
        names: Their names, which the message gives where they are few.

    Raises:
        UserError: With the head in front of its message.
    """
    for where, found in class_counts(cfg.get('model')):
        if found != count:
            hidden = ', '.join(str(name) for name in names if str(name).startswith('.'))
            few = ', '.join(map(str, names)) if len(names) <= 3 else ''
            remark = f' (hidden folders: {hidden})' if hidden else f' ({few})' if few else ''
            raise UserError(
                f'{where}: the model has num_classes={found}, but the data set has {count} '
                f'classes{remark}: make num_classes and the data (metainfo.classes) agree'
            )


def check_preprocessor(cfg: Config) -> None:
    """Refuse mixed labels of another number of classes, and colours that nothing would change.

    Raises:
        UserError: With another number than the head's. If a pipeline leaves colours to the device,
            and the preprocessor to itself.
    """
    model = cfg.get('model') or {}
    top, inner = cfg.get('data_preprocessor') or {}, model.get('data_preprocessor') or {}
    mixes = (model.get('train_cfg') or {}).get('augments') or inner.get('batch_augments')
    wanted, count = head_classes(cfg), (inner or top).get('num_classes')
    one_hot = mixes or (inner or top).get('to_onehot')
    where = 'model.data_preprocessor' if inner else 'data_preprocessor'
    if one_hot and wanted is not None and count not in (None, wanted):
        raise UserError(
            f'{where}.num_classes={count}, but the model has num_classes={wanted}: make them agree'
        )
    steps = [step for _, data in data_sets(cfg, ['train']) for step in data.get('pipeline') or ()]
    if any(step.get('colours') == 'device' for step in steps if isinstance(step, dict)):
        kinds = find_registered((inner or top).get('type'), cfg.get('default_scope', 'mmengine'))
        if not any(issubclass(kind, AugmentingDataPreprocessor) for kind in kinds):
            raise UserError(
                "MultiCrop(colours='device') leaves colours to the model, whose preprocessor does "
                f"not change them: set {where}.type='AugmentingDataPreprocessor'"
            )


def check_topk(cfg: Config, modes: Sequence[str]) -> None:
    """Refuse a metric that looks at more classes than there are.

    Raises:
        UserError: With the value to set.
    """
    count = head_classes(cfg)
    for mode in modes:
        for where, evaluator in evaluators(cfg, mode):
            topk = evaluator.get('topk') or 0
            largest = max(topk) if isinstance(topk, (list, tuple)) else topk
            if count is not None and largest > count:
                raise UserError(
                    f'{where}.topk={topk}, but there are {count} classes: set {where}.topk=1'
                )


def check_ann_files(cfg: Config, mode: str, datasets: Sequence[dict]) -> None:
    """Refuse a metric's annotation file that is missing, or for COCO another than the data set's.

    Args:
        cfg: The config.
        mode: ``val`` or ``test``.
        datasets: Configs of its data sets.

    Raises:
        UserError: With both paths, and what to set.
    """
    own = [
        Path(data.get('data_root') or '', data['ann_file'])
        for data in datasets
        if isinstance(data.get('ann_file'), str) and data['ann_file']
    ]
    for where, evaluator in evaluators(cfg, mode):
        name = evaluator.get('ann_file')
        if not isinstance(name, str) or is_remote(name) or evaluator.get('backend_args'):
            continue
        scope = evaluator.get('_scope_', cfg.get('default_scope', 'mmengine'))
        kinds = find_registered(evaluator.get('type'), scope)
        family = {base.__name__ for kind in kinds for base in getattr(kind, '__mro__', ())}
        of_coco = bool({'CocoMetric', 'CocoPanopticMetric'} & family)
        there, is_own = Path(name).exists(), Path(name).resolve() in map(Path.resolve, own)
        if is_own or (there and not (of_coco and own)):
            continue
        fault = '' if there else ', which does not exist'
        remedy = f'; the data of {mode} have {own[0]}: set {where}.ann_file={own[0]}' if own else ''
        raise UserError(f'{where}.ann_file is {name}{fault}{remedy}')


def compare_classes(found: Sequence[tuple[Use, Sequence]]) -> None:
    """Refuse data sets of one group with different classes, or with one order for each.

    Args:
        found: What each data set is for, and what its labels are the ranks of.

    Raises:
        UserError: The message names the classes that are in one only.
    """
    first: dict[str, tuple[Use, list]] = {}
    for use, classes in found:
        if not classes:
            continue
        reference, expected = first.setdefault(use.group, (use, list(classes)))
        if list(classes) == expected:
            continue
        only = [
            f'{len(names)} of {place} only ({", ".join(names[:3])}{", ..." * (len(names) > 3)})'
            for place, names in (
                (reference, sorted(map(str, set(expected) - set(classes)))),
                (use, sorted(map(str, set(classes) - set(expected)))),
            )
            if names
        ]
        raise UserError(
            f'the classes of {use} are not those of {reference}: '
            f'{"; ".join(only) or "they have another order"}. Labels are ranks of the classes, so '
            'they would be shifted'
        )
