"""Compare the annotation files of metrics with those of the data."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from mmengine.config import Config

from mmmask.checks.classes import evaluators
from mmmask.config.signatures import find_registered
from mmmask.utils.errors import UserError


def check_ann_files(cfg: Config, mode: str, datasets: Sequence[dict]) -> None:
    """A metric's annotation file must exist; one of COCO's must be the data set's own, which is
    looked for with the data set.

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
        if not isinstance(name, str) or '://' in name or evaluator.get('backend_args'):
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
