"""Two processes that communicate, on the CPU."""

import multiprocessing
import os
import socket
from collections.abc import Callable
from typing import Any

import torch
import torch.distributed as dist


def on_two_ranks(run: Callable, *args: Any) -> list:
    """Return the results of ``run(rank, *args)`` on rank 0 and on rank 1 of one group."""
    with socket.socket() as free:
        free.bind(('127.0.0.1', 0))
        port = free.getsockname()[1]
    context = multiprocessing.get_context('fork')
    results = context.Queue()
    ranks = [context.Process(target=_rank, args=(r, port, results, run, args)) for r in (0, 1)]
    for process in ranks:
        process.start()
    found = dict(results.get(timeout=60) for _ in ranks)
    for process in ranks:
        process.join(60)
    return [found[0], found[1]]


def _rank(rank: int, port: int, results: Any, run: Callable, args: tuple) -> None:
    os.environ.update(MASTER_ADDR='127.0.0.1', MASTER_PORT=str(port))
    torch.set_num_threads(1)
    dist.init_process_group('gloo', rank=rank, world_size=2)
    results.put((rank, run(rank, *args)))
    dist.barrier()
    dist.destroy_process_group()
