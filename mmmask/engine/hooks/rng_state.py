"""Reads and sets the states of the random number generators, as plain values."""

from __future__ import annotations

import random

import numpy as np
import torch


def capture_rng_state() -> dict:
    """Return the states of this process's generators.

    They are Python's, numpy's, torch's and, where there are GPUs, the current GPU's.

    Returns:
        Tensors and plain Python values only, so that ``torch.load(weights_only=True)`` reads them.
    """
    name, keys, position, has_gauss, cached = np.random.get_state()
    state = dict(
        python=random.getstate(),
        numpy=(name, torch.from_numpy(keys.astype(np.int64)), position, has_gauss, cached),
        torch=torch.get_rng_state(),
    )
    if torch.cuda.is_available():
        state['cuda'] = torch.cuda.get_rng_state()
    return state


def restore_rng_state(state: dict) -> None:
    """Set the generators to what :func:`capture_rng_state` gave.

    A GPU's state is restored only where there is a GPU: a run that moves between CPU and GPU isn't
    reproducible anyway.
    """
    version, words, gauss = state['python']
    random.setstate((version, tuple(words), gauss))
    name, keys, position, has_gauss, cached = state['numpy']
    np.random.set_state((name, keys.cpu().numpy().astype(np.uint32), position, has_gauss, cached))
    torch.set_rng_state(state['torch'].cpu())
    if 'cuda' in state and torch.cuda.is_available():
        torch.cuda.set_rng_state(state['cuda'].cpu())
