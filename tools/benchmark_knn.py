#!/usr/bin/env python
"""Time the k-NN search against a plain chunked product with top-k, and compare what they find.

Features are noisy directions of classes. Each measurement is a process of its own, whose peak of
memory is printed. Seconds are of CPU time, so that other work on the machine counts little. The
third measurement is the whole protocol, with normalisation and votes.

    python tools/benchmark_knn.py [--queries 20000] [--bank 100000] [--width 384] [--k 200]
"""

from __future__ import annotations

import argparse
import multiprocessing
import resource
import sys
import time
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional as F

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from mmmask.evaluation.knn import KNNProtocol, nearest_neighbours  # noqa: E402

CLASSES, CHUNK = 100, 4096


def made_up(size: int, width: int, seed: int) -> tuple[Tensor, Tensor]:
    """Return normalised features (size, width) and their classes."""
    directions = torch.randn(CLASSES, width, generator=torch.Generator().manual_seed(0))
    generator = torch.Generator().manual_seed(seed)
    labels = torch.randint(CLASSES, (size,), generator=generator)
    features = torch.randn(size, width, generator=generator).add_(directions[labels], alpha=0.5)
    return F.normalize(features, dim=1), labels


def plain(bank: Tensor, queries: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """Search as a user would write it: all similarities of some queries, then ``topk``."""
    parts = [(block @ bank.T).topk(k, dim=1) for block in queries.split(CHUNK)]
    return tuple(torch.cat(part) for part in zip(*parts))


def measure(kind: str, args: argparse.Namespace, results: multiprocessing.Queue) -> None:
    """Put seconds of CPU time, GiB of memory at most, and what was found."""
    bank, bank_labels = made_up(args.bank, args.width, 1)
    queries, labels = made_up(args.queries, args.width, 2)
    start = time.process_time()
    if kind == 'protocol':
        protocol = KNNProtocol(args.k)
        found = protocol.evaluate((bank, bank_labels), (queries, labels), CLASSES)
    else:
        found = dict(plain=plain, ours=nearest_neighbours)[kind](bank, queries, args.k)
        found = tuple(part.numpy() for part in found)
    seconds = time.process_time() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    results.put((seconds, peak, found))


def main() -> None:
    """Print time and memory of each, and how the neighbours that they find differ."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    for name, size in (('queries', 20_000), ('bank', 100_000), ('width', 384), ('k', 200)):
        parser.add_argument(f'--{name}', type=int, default=size)
    args = parser.parse_args()
    context, found, seconds = multiprocessing.get_context('spawn'), {}, {}
    for kind in ('plain', 'ours', 'protocol'):
        results = context.Queue()
        process = context.Process(target=measure, args=(kind, args, results))
        process.start()
        seconds[kind], peak, found[kind] = results.get()
        process.join()
        print(f'{kind}: {seconds[kind]:.1f} s of CPU time, {peak:.2f} GiB at most')
    (values, rows), (own, own_rows) = found['plain'], found['ours']
    same = (rows == own_rows).all(axis=1)
    print(f'{seconds["plain"] / seconds["ours"]:.2f} times the speed of the plain search')
    print(
        f'the same neighbours for {same.sum()} of {len(same)} queries; the largest difference of '
        f'a similarity at the same place is {abs(values - own).max():.1e}'
    )


if __name__ == '__main__':
    main()
