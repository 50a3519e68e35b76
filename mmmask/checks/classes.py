"""Compare the classes of a config's model, data and metrics."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from mmengine.config import Config

from mmmask.datasets.layouts import Found
from mmmask.utils.errors import UserError

# The heads whose num_classes are the data set's. Not a region proposal head's.
_HEADS = ('head', 'bbox_head', 'mask_head', 'decode_head', 'auxiliary_head')


def class_counts(node: Any, place: str = 'model') -> Iterator[tuple[str, int]]:
    """(place, num_classes) of every head, or model without one, that labels the data's classes."""
    if isinstance(node, dict):
        if place == 'model' and isinstance(node.get('num_classes'), int):
            yield f'{place}.num_classes', node['num_classes']
        for key, child in node.items():
            here = f'{place}.{key}'
            for index, head in enumerate(child if isinstance(child, (list, tuple)) else [child]):
                if (
                    key in _HEADS
                    and isinstance(head, dict)
                    and isinstance(head.get('num_classes'), int)
                ):
                    where = f'{here}.{index}' if isinstance(child, (list, tuple)) else here
                    yield f'{where}.num_classes', head['num_classes']
            yield from class_counts(child, here)
    elif isinstance(node, (list, tuple)):
        for index, child in enumerate(node):
            yield from class_counts(child, f'{place}.{index}')


def head_classes(cfg: Config) -> int | None:
    """Classes of the model; None where no head has a number, or heads differ."""
    counts = {count for _, count in class_counts(cfg.get('model'))}
    return counts.pop() if len(counts) == 1 else None


def check_heads(cfg: Config, check: Callable[[int], None]) -> None:
    """Compare the classes of each of the model's heads with the data set's.

    Args:
        cfg: The config.
        check: Raises `UserError` for a number of classes that isn't the data set's.

    Raises:
        UserError: With the head in front of its message.
    """
    for where, count in class_counts(cfg.get('model')):
        try:
            check(count)
        except UserError as error:
            raise UserError(f'{where}: {error}') from None


def check_preprocessor(cfg: Config) -> None:
    """Labels that are mixed are one-hot, with as many numbers as the head has classes.

    Raises:
        UserError: With another number.
    """
    model = cfg.get('model') or {}
    top, inner = cfg.get('data_preprocessor') or {}, model.get('data_preprocessor') or {}
    mixes = (model.get('train_cfg') or {}).get('augments') or inner.get('batch_augments')
    wanted, count = head_classes(cfg), (inner or top).get('num_classes')
    one_hot = mixes or (inner or top).get('to_onehot')
    if one_hot and wanted is not None and count not in (None, wanted):
        where = 'model.data_preprocessor' if inner else 'data_preprocessor'
        raise UserError(
            f'{where}.num_classes={count}, but the model has num_classes={wanted}: make them agree'
        )


def check_topk(cfg: Config, modes: Sequence[str]) -> None:
    """A metric can't look at more classes than there are.

    Raises:
        UserError: It would.
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


def evaluators(cfg: Config, mode: str) -> Iterator[tuple[str, dict]]:
    """Place and config of each metric of a mode."""
    found = cfg.get(f'{mode}_evaluator') or ()
    several = isinstance(found, (list, tuple))
    for index, evaluator in enumerate(found if several else [found]):
        place = f'{mode}_evaluator.{index}' if several else f'{mode}_evaluator'
        inner = evaluator.get('metrics')  # of type='Evaluator'
        for metric in inner if isinstance(inner, (list, tuple)) else [inner or evaluator]:
            if isinstance(metric, dict):
                yield place, metric


def compare_classes(splits: Sequence[tuple[object, Found]]) -> None:
    """Labels are ranks of class folders (or ids), which must be the same in all splits.

    Args:
        splits: What each split is for, and what was found in it.

    Raises:
        UserError: They aren't: which are in one only.
    """
    labelled = [(use, found.classes) for use, found in splits if found.classes]
    for use, classes in labelled[1:]:
        first, expected = labelled[0]
        if classes == expected:
            continue
        only = [
            f'{len(names)} of {place} only ({", ".join(names[:3])}{", ..." * (len(names) > 3)})'
            for place, names in (
                (first, sorted(set(expected) - set(classes))),
                (use, sorted(set(classes) - set(expected))),
            )
            if names
        ]
        raise UserError(
            f'the classes of {use} are not those of {first}: {"; ".join(only)}. Labels are the '
            'ranks of the names, so they would be shifted'
        )
