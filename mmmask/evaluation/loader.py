"""Build loaders of evaluation data."""

from __future__ import annotations

from mmengine.runner import Runner
from mmpretrain.registry import DATASETS
from torch.utils.data import DataLoader

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
