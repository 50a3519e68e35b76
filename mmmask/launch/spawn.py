"""Starts the processes of one run on this machine, one for each rank.

``python -m mmmask.launch.spawn 2 -m mmmask train CONFIG --launcher pytorch`` runs these words with
Python twice. The variables ``NNODES``, ``NODE_RANK``, ``MASTER_ADDR`` and ``PORT`` describe several
machines, on each of which this is started.
"""

from __future__ import annotations

import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence


def rank_variables(
    rank: int, world_size: int, local_rank: int, address: str, port: int | str
) -> dict[str, str]:
    """Return the variables that tell a process its place, as ``--launcher pytorch`` reads them."""
    return dict(
        RANK=str(rank),
        WORLD_SIZE=str(world_size),
        LOCAL_RANK=str(local_rank),
        MASTER_ADDR=address,
        MASTER_PORT=str(port),
    )


def spawn(count: int, words: Sequence[str], environment: Mapping[str, str] = os.environ) -> int:
    """Run Python with the same words ``count`` times, and wait for all.

    The processes stay in this process' group, and keep its open files that are inheritable. When
    one fails, the others are ended: failures speak for themselves.

    Args:
        count: Processes on this machine.
        words: Python's arguments.
        environment: Variables, with those of several machines.

    Returns:
        0, or 1 if a process failed.
    """
    nodes, node = (int(environment.get(k, v)) for k, v in (('NNODES', '1'), ('NODE_RANK', '0')))
    port = environment.get('PORT') or (_free_port() if nodes == 1 else '29500')
    address = environment.get('MASTER_ADDR', '127.0.0.1') if nodes > 1 else '127.0.0.1'
    processes: list[subprocess.Popen] = []
    ends = (signal.SIGTERM, signal.SIGINT)
    before = [signal.signal(number, lambda n, _: sys.exit(128 + n)) for number in ends]
    try:
        for local_rank in range(count):
            rank = node * count + local_rank
            own = rank_variables(rank, nodes * count, local_rank, address, port)
            command, variables = [sys.executable, *words], {**environment, **own}
            process = subprocess.Popen(command, env=variables, close_fds=False)
            processes.append(process)
        for rank, status in _ends(processes):
            if status < 0:  # it can't have said anything
                name = signal.Signals(-status).name
                print(f'error: process {rank} was ended by {name}', file=sys.stderr, flush=True)
            if status:
                return 1
        return 0
    finally:
        _end(processes)
        for number, handler in zip(ends, before):
            signal.signal(number, handler)


def _ends(processes: Sequence[subprocess.Popen]) -> Iterator[tuple[int, int]]:
    """Yield the rank and the exit status of each process, as they end."""
    running = dict(enumerate(processes))
    while running:
        for rank, process in list(running.items()):
            if process.poll() is not None:
                del running[rank]
                yield rank, process.returncode
        time.sleep(0.1)


def _end(processes: Sequence[subprocess.Popen], patience: float = 10.0) -> None:
    """Ask the processes that run to end; kill them after ``patience`` seconds."""
    for process in processes:
        process.terminate()
    deadline = time.monotonic() + patience
    for process in processes:
        try:
            process.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _free_port() -> int:
    """Return a free port, below those that the system itself gives to connections meanwhile."""
    while True:
        port = random.SystemRandom().randrange(20000, 32000)
        with socket.socket() as probe:
            if probe.connect_ex(('127.0.0.1', port)):
                return port


def main(argv: Sequence[str]) -> int:
    """Read the number of processes and the words for Python, and run them."""
    count, words = (argv[0], argv[1:]) if argv else ('', ())
    if not count.isdecimal() or int(count) < 1:
        wrong = f"the number of processes must be a positive number, got '{count}'"
        print(f'error: {wrong}', file=sys.stderr)
        return 2
    return spawn(int(count), words)


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
