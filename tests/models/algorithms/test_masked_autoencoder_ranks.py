"""GPA on two ranks with half the batch each does what one rank does with the whole batch."""

import numpy as np
import pytest
import torch
from masked_autoencoder_parts import build, fixed_mask, images
from mmengine.model import MMDistributedDataParallel
from two_ranks import on_two_ranks

STEPS = 4


def trained(rows, combine, wrap):
    """Weights after a few steps with these images, which change from step to step, as arrays."""
    model = wrap(build(fixed_mask()[rows], attention=True, combine=combine))
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2, weight_decay=0.1)
    for step in range(STEPS):
        optimizer.zero_grad()
        losses = model(images()[rows] * (1 + step), None, mode='loss')
        sum(value for name, value in losses.items() if name.startswith('loss')).backward()
        optimizer.step()
    model = getattr(model, 'module', model)
    return {name: value.numpy() for name, value in model.state_dict().items()}


def of_rank(rank, combine):
    def wrap(model):
        return MMDistributedDataParallel(model, find_unused_parameters=combine == 'alternate')

    return trained(slice(2 * rank, 2 * rank + 2), combine, wrap)


@pytest.mark.parametrize('combine', ['sum', 'alternate'])
def test_weights(combine):
    found = on_two_ranks(of_rank, combine)
    expected = trained(slice(0, 4), combine, lambda model: model)
    start = build(fixed_mask(), attention=True, combine=combine).state_dict()
    for rank in (0, 1):
        assert found[rank].keys() == expected.keys()
        for name, value in expected.items():
            error = np.abs(found[rank][name] - value).max()
            assert error <= 1e-8 * max(np.abs(value).max(), 1), (rank, name, error)
    for name in ('attention_decoder.decoder_pred.weight', 'neck.mask_token', 'backbone.cls_token'):
        assert np.abs(expected[name] - start[name].numpy()).max() > 1e-3, name
