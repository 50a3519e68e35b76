"""Check that a config's data are there, whole, and as the config expects.

Layout, counts, classes and labels are compared, and a sample of the files is opened.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING

from mmmask.commands.arguments import add_cfg_options, add_config, number_or_all
from mmmask.utils.errors import UserError, one_line

if TYPE_CHECKING:
    from mmengine.config import Config

    from mmmask.checks.found import Found
    from mmmask.checks.uses import Use


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    add_config(parser)
    parser.add_argument(
        '--sample',
        type=number_or_all,
        default=200,
        metavar='N',
        help='images and label maps of each split that are opened, evenly spaced; 0: all [200]',
    )
    parser.add_argument(
        '--relist',
        action='store_true',
        help='forget all kept listings of folders and tars, and make those of this config anew',
    )
    add_cfg_options(parser, 'train_dataloader.dataset.data_root=FOLDER')


def run(args: argparse.Namespace) -> None:
    """Check every data set of the config, print what was found, and fail if one isn't right."""
    import mmmask.registration  # noqa: F401
    from mmmask.checks.classes import compare_classes
    from mmmask.checks.data import (
        build_data_set,
        check_metrics,
        look_for_files,
        look_into_built,
    )
    from mmmask.checks.found import Scan
    from mmmask.checks.layouts import find_layout
    from mmmask.checks.uses import MODES, find_place
    from mmmask.config.options import merge_options
    from mmmask.config.read import read_config
    from mmmask.datasets.listings import forget
    from mmmask.utils.progress import Progress, print_progress

    if args.relist:
        forget()
    cfg = read_config(args.config)
    merge_options(cfg, args.cfg_options)
    _refuse_suite(cfg, args.config)
    scan = Scan(args.sample, None, partial(Progress, sink=print_progress))
    splits: list[tuple[Use, Found | None]] = []
    wrong, trees = [], []
    for use, dataset in _distinct(cfg):
        root = dataset.get('data_root') or dataset.get('ann_file') or '(no data_root)'
        print(f'{use}: {dataset["type"]}, {root}')
        place = find_place(cfg, dataset)
        try:
            found = None
            if place is not None and not place.elsewhere:
                look_for_files(cfg, use, dataset, thorough=True)
                built = build_data_set(cfg, use, dataset)
                found = look_into_built(cfg, use, dataset, built, scan)
                if found and (left_out := getattr(built, 'left_out', None)):
                    found.notes.append(
                        f'{left_out.total():,} files of other endings are left out '
                        f'({", ".join(left_out)})'
                    )
            splits.append((use, found))
            print(_report(found))
        except UserError as error:
            if args.debug:
                raise
            wrong.append(use.name)
            print(f'  WRONG: {one_line(error)}')
            layout = find_layout(place)
            trees.append(layout and layout.tree)
    if not splits and not wrong:
        raise UserError(f"The config '{args.config}' has no data sets of train, val or test.")
    looked_into = [(use, found.classes) for use, found in splits if found is not None]
    try:
        compare_classes(looked_into)
        check_metrics(cfg, MODES)
    except UserError as error:
        if args.debug:
            raise
        wrong.append('all modes together')
        print(f'WRONG: {one_line(error)}')
    for tree in dict.fromkeys(filter(None, trees)):
        print(f'\nThe layout should be:{tree.rstrip()}')
    if any(trees):
        print('\nA small stand-in: mmmask prepare-miniature LAYOUT (--help)')
    if wrong:
        raise UserError(
            f'the data of {", ".join(wrong)} are not what the config expects (see WRONG above)'
        )
    _print_verdict(len(looked_into), len(splits))


def _refuse_suite(cfg: Config, name: str) -> None:
    """Refuse a suite: its protocols' configs have the data.

    Raises:
        UserError: If the config is a suite; the message names the configs of its protocols.
    """
    if 'protocols' in cfg and 'tasks' in cfg:
        configs = dict.fromkeys(protocol['config'] for protocol in cfg.protocols.values())
        raise UserError(f"'{name}' is a suite. Check its configs: {', '.join(configs)}")


def _print_verdict(right: int, there: int) -> None:
    if right < there:
        print(f'{right} of {there} data sets are right, the others were not looked into')
    else:
        print(f'all {right} data sets are right' if right > 1 else 'the data set is right')


def _distinct(cfg: Config) -> Iterator[tuple[Use, dict]]:
    """Yield each data set once, whatever its pipeline, with its modes joined (``val, test``)."""
    from mmmask.checks.uses import MODES, Use, data_sets

    uses: dict[str, list[Use]] = {}
    configs = {}
    for use, dataset in data_sets(cfg, MODES):
        bare = {key: value for key, value in dict(dataset).items() if key != 'pipeline'}
        key = repr(bare)
        configs[key] = dataset
        if use not in uses.setdefault(key, []):
            uses[key].append(use)
    for key, dataset in configs.items():
        names = ', '.join(use.name for use in uses[key])
        for_model = any(use.for_model for use in uses[key])
        yield Use(names, uses[key][0].group, for_model), dataset


def _report(found: Found | None) -> str:
    """Describe a split, in indented lines."""
    if found is None:
        return '  not looked into: the data are not local, or their layout is unknown'
    facts = dict(images=found.images, **found.facts)
    lines = [', '.join(f'{value:,} {name}' for name, value in facts.items())]
    if found.sizes:
        lines.append(_sizes(found))
    differs = found.differs()
    if differs:
        lines.append(f'note: {differs}')
    elif found.published is not None:
        lines.append('as many images as published')
    lines += [f'note: {note}' for note in found.notes]
    return '\n'.join(f'  {line}' for line in lines)


def _sizes(found: Found) -> str:
    """Return the count and the sizes of the images that were opened."""
    sizes = Counter(found.sizes)
    count = f'{len(found.sizes):,} opened'
    if len(sizes) == 1:
        width, height = next(iter(sizes))
        return f'{count}, all of {width} x {height} pixels'
    widths, heights = zip(*sizes, strict=True)
    return (
        f'{count}, {min(widths)} to {max(widths)} pixels wide and {min(heights)} to '
        f'{max(heights)} high'
    )
