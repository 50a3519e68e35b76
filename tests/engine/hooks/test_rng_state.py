import random

import numpy as np
import torch

from mmmask.engine.hooks.rng_state import capture_rng_state, restore_rng_state


def draw() -> tuple:
    return random.random(), random.gauss(0, 1), np.random.randn(), torch.rand(3).tolist()


def test_streams_go_on_where_they_were():
    np.random.randn()  # leaves a cached second gaussian behind
    random.gauss(0, 1)
    state = capture_rng_state()
    expected = [draw() for _ in range(3)]
    restore_rng_state(state)
    assert [draw() for _ in range(3)] == expected


def test_state_survives_a_safe_file(tmp_path):
    state = capture_rng_state()
    expected = draw()
    torch.save(dict(rng_states=[state]), tmp_path / 'state.pth')
    loaded = torch.load(tmp_path / 'state.pth', weights_only=True)
    restore_rng_state(loaded['rng_states'][0])
    assert draw() == expected
