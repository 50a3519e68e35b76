"""Finds the checkpoint to go on from, and what has changed since it was saved."""

from __future__ import annotations

import pickle
import re
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import torch
from mmengine.config import Config
from mmengine.dist import is_main_process
from mmengine.runner import Runner
from mmengine.runner.checkpoint import get_torch_safe_globals

from mmmask.launch.settings import Change, Effect, changed_settings
from mmmask.utils.errors import UserError
from mmmask.utils.files import write_text_atomically

RUN_ID = 'run_id'
"""File of a work dir, and entry of a checkpoint's message hub, that tell runs apart."""


@dataclass(frozen=True)
class Resumption:
    """A checkpoint to go on from.

    Attributes:
        path: The file.
        meta: What mmengine noted: ``epoch``, ``iter``, ``seed``, ``cfg``.
        run_id: The run that saved the file; None of an earlier version's.
        processes: How many processes saved the file; None where it isn't known.
        changes: Settings that are others now.
    """

    path: str
    meta: Mapping
    run_id: str | None
    processes: int | None
    changes: Sequence[Change] = ()


def plan_resumption(
    resume: str, cfg: Config, seed: int | None = None
) -> tuple[Resumption | None, list[str]]:
    """Find the checkpoint to go on from, and compare its settings with the present ones.

    Args:
        resume: See :func:`find_checkpoint`.
        cfg: The complete config.
        seed: What ``--seed`` says, if it is given.

    Returns:
        None if there is nothing to go on from; and warnings.

    Raises:
        UserError: If the checkpoint is of another training, has another seed, or has no iteration
            left.
    """
    path, warnings = find_checkpoint(resume, cfg.work_dir)
    if path is None:
        warnings.append(
            f'--resume: this run has no checkpoint in {cfg.work_dir} yet, so training starts from '
            'the beginning.'
        )
        return None, warnings
    content = read_safely(path)
    meta, states = content['meta'], content.get('rng_states')
    saved = meta.get('cfg')
    changes = changed_settings(saved, cfg) if isinstance(saved, str) else []
    others = [change for change in changes if change.effect is Effect.ANOTHER_RUN]
    if others and resume == 'auto':
        more = f' and {len(others) - 1} more settings' if len(others) > 1 else ''
        raise UserError(
            f'{path} is of another training ({others[0]}{more}): --resume {path} goes on with it '
            f'all the same, load_from={path} starts a new training from its weights, another '
            '--work-dir starts from the beginning.'
        )
    then = meta.get('seed')
    if None not in (seed, then) and seed != then:
        raise UserError(
            f'{path} has the seed {then}, which the order of the data follows: leave out --seed '
            f'{seed}.'
        )
    for key, done in (('max_epochs', meta.get('epoch')), ('max_iters', meta.get('iter'))):
        if (length := cfg.train_cfg.get(key)) is not None and done is not None and done > length:
            raise UserError(
                f'{path} has {done} of train_cfg.{key}={length}: there is nothing left to train.'
            )
    if changes:
        warnings.append(f'Resumed under other settings: {"; ".join(map(str, changes))}.')
    processes = len(states) if states is not None else None
    return Resumption(path, meta, _run_id(content), processes, changes), warnings


def find_checkpoint(resume: str, work_dir: str) -> tuple[str | None, list[str]]:
    """Find the checkpoint to resume from.

    Args:
        resume: A path, or ``'auto'``: what ``last_checkpoint`` in the work dir names (also after
            the work dir has been moved), else the newest of ``epoch_*.pth`` and ``iter_*.pth``
            there. Damaged ones are passed over, and those of an earlier run in the same folder.
        work_dir: The run's folder.

    Returns:
        The path, or None if there is nothing to resume from yet; and a warning for each one passed
        over.

    Raises:
        UserError: If the given path is missing or damaged, or all that are there are damaged.
    """
    if resume != 'auto':
        problem = damage(Path(resume))
        if problem:
            raise UserError(f'--resume {resume}: {problem}.')
        return resume, []
    file = Path(work_dir, RUN_ID)
    mine = file.read_text(encoding='utf-8').strip() if file.is_file() else None
    warnings, others = [], 0
    for path in _candidates(Path(work_dir)):
        problem = damage(path)
        if problem:
            warnings.append(f'{path}: {problem}; going on from an earlier checkpoint.')
        elif mine is not None and _run_id(read_safely(path)) != mine:
            others += 1
        else:
            return str(path), warnings
    if others:
        return None, [f'{work_dir} has {others} checkpoint(s) of an earlier run: passed over.']
    if warnings:
        raise UserError(
            f'No checkpoint in {work_dir} can be resumed from ({warnings[0].split(";")[0]}): '
            'delete them to start from the beginning, or leave out --resume.'
        )
    return None, []


def _run_id(checkpoint: Mapping) -> str | None:
    return checkpoint['message_hub'].get('runtime_info', {}).get(RUN_ID)


def note_run(runner: Runner, resumption: Resumption | None) -> None:
    """Note in the work dir and for the checkpoints which run they belong to, in every process."""
    run_id = uuid4().hex if resumption is None else resumption.run_id
    if resumption is None:
        runner.message_hub.update_info(RUN_ID, run_id)
        if _candidates(Path(runner.work_dir)):
            runner.logger.warning(
                f'{runner.work_dir} has checkpoints of an earlier run: --resume passes over them '
                'from now on, --resume FILE takes one.'
            )
    if is_main_process():
        file = Path(runner.work_dir, RUN_ID)
        if run_id is None:
            file.unlink(missing_ok=True)
        else:
            write_text_atomically(file, run_id + '\n')


def damage(path: Path) -> str | None:
    """Return why a file can't be resumed from, or None."""
    if not path.is_file():
        return 'there is no such checkpoint'
    if not zipfile.is_zipfile(path):
        return 'the file is truncated or not a checkpoint'
    try:
        checkpoint = read_safely(path)
    except (pickle.UnpicklingError, RuntimeError, EOFError, OSError, ValueError) as error:
        reason = str(error).splitlines()[0]
        return f'the file is damaged or holds more than weights and plain values ({reason})'
    missing = {'meta', 'state_dict', 'optimizer', 'message_hub'} - set(checkpoint)
    if missing:
        absent = ' and no '.join(sorted(missing))
        return f'the checkpoint has no {absent}: it holds weights, not a state of training'
    return None


def read_safely(path: str | Path) -> dict:
    """Read a checkpoint without running code from it; tensors are mapped, not read."""
    with torch.serialization.safe_globals(get_torch_safe_globals()):
        return torch.load(path, map_location='cpu', weights_only=True, mmap=True)


def _candidates(work_dir: Path) -> list[Path]:
    """Return the checkpoints of a run, the most recent first."""
    numbered = [
        p for p in work_dir.glob('*_*.pth') if re.fullmatch(r'(epoch|iter)_\d+\.pth', p.name)
    ]
    found = sorted(numbered, key=lambda p: int(p.stem.split('_')[1]), reverse=True)
    pointer = work_dir / 'last_checkpoint'
    if pointer.is_file():
        named = Path(pointer.read_text(encoding='utf-8').strip())
        named = named if named.is_file() else work_dir / named.name
        found = [named, *(p for p in found if p.resolve() != named.resolve())]
    return found
