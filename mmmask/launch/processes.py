"""Runs several processes, on GPUs or on CPUs, without a setting of the user's."""

from __future__ import annotations

import logging
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from mmengine.config import Config
from mmengine.device import get_device

from mmmask.utils.errors import JointError, UserError, one_line

# Where each launcher says who a process is: variables of (rank, world size, local rank).
_VARIABLES = dict(
    pytorch=('RANK', 'WORLD_SIZE', 'LOCAL_RANK'),
    slurm=('SLURM_PROCID', 'SLURM_NTASKS', 'SLURM_LOCALID'),
    mpi=('OMPI_COMM_WORLD_RANK', 'OMPI_COMM_WORLD_SIZE', 'OMPI_COMM_WORLD_LOCAL_RANK'),
)


def rank_before_start(launcher: str) -> int:
    """Return the process's rank, before the process group exists; 0 without a launcher."""
    return 0 if launcher == 'none' else int(os.environ.get(_VARIABLES[launcher][0], 0))


def prepare_distributed(cfg: Config, launcher: str) -> None:
    """Adapt a config to the launcher and the devices; start gloo where there are only CPUs.

    On GPUs mmengine starts NCCL itself; BatchNorm layers are synchronised unless the config has
    ``sync_bn``. On CPUs: gloo, one thread per process, no device ids, BN instead of SyncBN.

    Raises:
        UserError: If the launcher's variables are missing, or there are more processes than GPUs.
    """
    cfg.launcher = launcher
    if launcher == 'none':
        return
    missing = [name for name in _VARIABLES[launcher] if name not in os.environ]
    if missing:
        raise UserError(
            f'--launcher {launcher} needs the variables {", ".join(missing)}, which that launcher '
            'sets: start with '
            'tools/dist_train.sh, tools/dist_test.sh or tools/slurm_train.sh.'
        )
    if get_device() == 'cpu':
        _start_gloo(launcher)
        cfg.sync_bn = None
        cfg.model_wrapper_cfg = dict(
            type='MMDistributedDataParallel',
            device_ids=None,
            broadcast_buffers=False,
            find_unused_parameters=cfg.get('find_unused_parameters', False),
        )
    else:
        local_rank, gpus = int(os.environ[_VARIABLES[launcher][2]]), torch.cuda.device_count()
        if launcher != 'slurm' and local_rank >= gpus > 0:
            raise UserError(
                f'This machine has {gpus} GPU(s), too few for process {local_rank + 1}: start '
                'fewer.'
            )
        cfg.setdefault('sync_bn', 'torch')


def _start_gloo(launcher: str) -> None:
    rank, world_size, local_rank = (os.environ[name] for name in _VARIABLES[launcher])
    os.environ.update(RANK=rank, WORLD_SIZE=world_size, LOCAL_RANK=local_rank)
    os.environ.setdefault('MASTER_ADDR', '127.0.0.1')
    os.environ.setdefault('MASTER_PORT', '29500')
    torch.set_num_threads(1)
    if not torch.distributed.is_initialized():
        with _without_stdout():
            torch.distributed.init_process_group('gloo')


@contextmanager
def _without_stdout() -> Iterator[None]:
    """Drop what native code prints: gloo says of every rank that it is connected."""
    sys.stdout.flush()
    stdout, nothing = os.dup(1), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, 1)
    try:
        yield
    finally:
        os.dup2(stdout, 1)
        os.close(stdout)
        os.close(nothing)


def leave_together() -> bool:
    """End the process group, in every process: threads left in the group can abort the exit.

    Returns:
        Whether there was one.
    """
    if not torch.distributed.is_initialized():
        return False
    torch.distributed.barrier()
    torch.distributed.destroy_process_group()
    return True


def report_error(error: UserError, launcher: str) -> None:
    """Print one line for an error that one process or all processes have raised.

    Rank 0 prints at once, and the launcher ends the others. Another rank prints only if the
    launcher hasn't ended it soon: then it may be alone with its error.

    Args:
        error: The user's mistake. Where it is a `JointError`, every process has raised it.
        launcher: The launcher that started the processes.
    """
    rank = rank_before_start(launcher)
    if rank == 0:
        print(f'error: {one_line(error)}', file=sys.stderr, flush=True)
    if isinstance(error, JointError):
        # After that line: the launcher ends them all at the first exit.
        if leave_together():
            exit_at_once(1)
    elif rank > 0:
        time.sleep(3)
        print(f'error (process {rank}): {one_line(error)}', file=sys.stderr, flush=True)


def exit_at_once(status: int) -> None:
    """Exit without the interpreter's tidying up.

    What is left of the communication of several processes aborts the tidying up now and then.
    """
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)
