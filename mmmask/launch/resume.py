"""Finds the checkpoint to go on from."""

from __future__ import annotations

import pickle
import re
import zipfile
from pathlib import Path

import torch
from mmengine.runner.checkpoint import get_torch_safe_globals

from mmmask.utils.errors import UserError


def find_checkpoint(resume: str, work_dir: str) -> tuple[str | None, list[str]]:
    """Find the checkpoint to resume from.

    Args:
        resume: A path, or ``'auto'``: what ``last_checkpoint`` in the work dir names (also after
            the work dir has been moved), else the newest of ``epoch_*.pth`` and ``iter_*.pth``
            there. Damaged ones are passed over.
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
    warnings = []
    for path in _candidates(Path(work_dir)):
        problem = damage(path)
        if not problem:
            return str(path), warnings
        warnings.append(f'{path}: {problem}; going on from an earlier checkpoint.')
    if warnings:
        raise UserError(
            f'No checkpoint in {work_dir} can be resumed from ({warnings[0].split(";")[0]}): '
            'delete them to start from the beginning, or leave out --resume.'
        )
    return None, []


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
