"""The device is the one asked for, or a GPU where there is one."""

import pytest
import torch

from mmmask.utils.device import pick_device
from mmmask.utils.errors import UserError


@pytest.mark.parametrize(
    ('there', 'asked', 'picked'),
    [(True, None, 'cuda'), (True, 'cpu', 'cpu'), (True, 'cuda', 'cuda'), (False, None, 'cpu')],
)
def test_a_gpu_is_taken_where_there_is_one(monkeypatch, there, asked, picked):
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: there)
    assert pick_device(asked) == picked


def test_an_absent_gpu_is_refused(monkeypatch):
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: False)
    with pytest.raises(UserError, match='^--device cuda: there is no GPU.$'):
        pick_device('cuda')
