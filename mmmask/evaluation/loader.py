"""Build loaders of evaluation data."""

from __future__ import annotations

from mmengine.runner import Runner
from mmpretrain.registry import DATASETS
from torch.utils.data import DataLoader

from mmmask.utils.errors import UserError
from mmmask.utils.picks import pick_evenly


def build_loader(runner: Runner | None, dataloader: dict, size: int | None = None) -> DataLoader:
    """Build a data loader from its config.

    Args:
        runner: Gives the seed; None: nothing is random.
        dataloader: The config.
        size: At most so many images, evenly spread over the data set, which is mostly sorted by
            class; None: all.
    """
    dataset = DATASETS.build(dataloader['dataset'])
    dataset.full_init()
    dataset.built_from = dict(dataloader['dataset'])  # its identity, with the samples
    if size is not None and size < len(dataset):
        dataset.get_subset_(pick_evenly(range(len(dataset)), size))
    seeds = {}
    if runner is not None:
        several = runner._randomness_cfg.get('diff_rank_seed', False)
        seeds = dict(seed=runner.seed, diff_rank_seed=several)
    return Runner.build_dataloader({**dataloader, 'dataset': dataset}, **seeds)


def shared_classes(bank: DataLoader, queries: DataLoader) -> int:
    """Return the number of classes of two data sets.

    Raises:
        UserError: If they name different classes, or none.
    """
    names = [list(loader.dataset.metainfo.get('classes') or ()) for loader in (bank, queries)]
    if not all(names):
        raise UserError('data sets have to name their classes (metainfo.classes)')
    if names[0] != names[1]:
        raise UserError(
            f'the bank has {len(names[0])} classes ({names[0][0]}, ...), the queries have '
            f'{len(names[1])} ({names[1][0]}, ...): they must be the same'
        )
    return len(names[0])
