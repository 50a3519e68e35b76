"""What ``tools/check_dataset.py`` does."""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta

from mmengine.config import Config

from mmmask.datasets.layouts import Found, Scan
from mmmask.errors import UserError
from mmmask.launch.arguments import add_cfg_options, run_tool
from mmmask.launch.config_file import read_config
from mmmask.launch.data_checks import check_data_set, data_sets, find_kind
from mmmask.launch.errors import one_line
from mmmask.launch.layout_checks import find_layout
from mmmask.launch.options import merge_options

MODES = ('train', 'val', 'test')


def build_parser() -> argparse.ArgumentParser:
    """Options of the command line."""
    parser = argparse.ArgumentParser(
        'check_dataset.py',
        description='Check that the data of a config are there and as the config expects: layout, '
        'counts, classes, labels, and that a sample of the files opens.',
    )
    parser.add_argument(
        'config', help="a file, or an installed package's: mmdet::..., mmseg::..., mmpretrain::..."
    )
    parser.add_argument(
        '--sample',
        type=_sample,
        default=200,
        metavar='N',
        help='images and label maps of each split that are opened, evenly spaced; 0: all [200]',
    )
    add_cfg_options(parser, 'train_dataloader.dataset.data_root=FOLDER')
    return parser


def main(argv: list[str] | None = None) -> int:
    """Run the command; gives the exit status."""
    return run_tool(build_parser(), run, argv)


def run(args: argparse.Namespace) -> None:
    """Check every data set of the config, print what was found, and fail if one isn't right."""
    cfg = read_config(args.config)
    merge_options(cfg, args.cfg_options)
    scan = Scan(args.sample or None, thorough=True, progress=ProgressLine)
    checked, wrong = 0, []
    trees: list[str] = []
    for modes, dataset in _distinct(cfg):
        checked += 1
        place = dataset.get('data_root') or dataset.get('ann_file') or '(no data_root)'
        print(f'{modes}: {dataset["type"]}, {place}')
        try:
            print(_report(check_data_set(cfg, modes, dataset, scan)))
        except UserError as error:
            if args.debug:
                raise
            wrong.append(modes)
            print(f'  WRONG: {one_line(error)}')
            layout = find_layout(find_kind(cfg, dataset))
            if layout is not None and layout.tree not in trees:
                trees.append(layout.tree)
    if not checked:
        raise UserError(f"The config '{args.config}' has no data sets of train, val or test.")
    if wrong:
        for tree in trees:
            print(f'\nThe layout should be:{tree.rstrip()}')
        raise UserError(
            f'the data of {", ".join(wrong)} are not what the config expects (see WRONG above)'
        )
    print(f'all {checked} data sets are right' if checked > 1 else 'the data set is right')


def _distinct(cfg: Config) -> Iterator[tuple[str, dict]]:
    """Each data set once, whatever its pipeline; its modes are joined (``val, test``)."""
    modes: dict[str, list[str]] = {}
    configs = {}
    for mode, dataset in data_sets(cfg, MODES):
        bare = {key: value for key, value in dict(dataset).items() if key != 'pipeline'}
        key = repr(bare)
        configs[key] = dataset
        if mode not in modes.setdefault(key, []):
            modes[key].append(mode)
    for key, dataset in configs.items():
        yield ', '.join(modes[key]), dataset


def _report(found: Found | None) -> str:
    """What a split holds, in indented lines."""
    if found is None:
        return '  not looked into: the data are not local, or their layout is unknown'
    facts = dict(images=found.images, **found.facts) if found.images is not None else found.facts
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
    """How many images were opened, and how large they are."""
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


class ProgressLine:
    """Items done, and when it will end: a line on stderr every ten seconds of long work.

    Args:
        title: What is done.
        total: Items in all.
        interval: Seconds between two lines.
    """

    def __init__(self, title: str, total: int, interval: float = 10.0) -> None:
        self.title, self.total, self.interval = title, total, interval
        self.done = 0
        self.start = self.shown = time.monotonic()

    def advance(self, count: int) -> None:
        """Count items that are done."""
        self.done += count
        now = time.monotonic()
        if now - self.shown < self.interval:
            return
        self.shown = now
        speed = self.done / (now - self.start)
        eta = timedelta(seconds=round((self.total - self.done) / speed))
        text = f'  {self.title}: {self.done:,} of {self.total:,}, {speed:.0f}/s, ETA {eta}'
        print(text, file=sys.stderr, flush=True)


def _sample(text: str) -> int:
    if not text.isdigit():
        raise argparse.ArgumentTypeError(f'must be a number, 0 for all, got {text!r}')
    return int(text)
