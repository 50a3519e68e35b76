"""GPA on two ranks with half the batch each does what one rank does with the whole batch."""

import multiprocessing
import os
import socket

import numpy as np
import pytest
import torch
import torch.distributed as dist
from masked_autoencoder_parts import build, fixed_mask, images
from mmengine.model import MMDistributedDataParallel

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


def run_rank(rank, port, combine, results):
    os.environ.update(MASTER_ADDR='127.0.0.1', MASTER_PORT=str(port))
    torch.set_num_threads(1)
    dist.init_process_group('gloo', rank=rank, world_size=2)

    def wrap(model):
        return MMDistributedDataParallel(model, find_unused_parameters=combine == 'alternate')

    results.put((rank, trained(slice(2 * rank, 2 * rank + 2), combine, wrap)))
    dist.barrier()
    dist.destroy_process_group()


@pytest.mark.parametrize('combine', ['sum', 'alternate'])
def test_weights(combine):
    with socket.socket() as free:
        free.bind(('127.0.0.1', 0))
        port = free.getsockname()[1]
    context = multiprocessing.get_context('fork')
    results = context.Queue()
    ranks = [context.Process(target=run_rank, args=(r, port, combine, results)) for r in (0, 1)]
    for process in ranks:
        process.start()
    found = dict(results.get(timeout=60) for _ in ranks)
    for process in ranks:
        process.join(60)
    expected = trained(slice(0, 4), combine, lambda model: model)
    start = build(fixed_mask(), attention=True, combine=combine).state_dict()
    for rank in (0, 1):
        assert found[rank].keys() == expected.keys()
        for name, value in expected.items():
            error = np.abs(found[rank][name] - value).max()
            assert error <= 1e-8 * max(np.abs(value).max(), 1), (rank, name, error)
    for name in ('attention_decoder.decoder_pred.weight', 'neck.mask_token', 'backbone.cls_token'):
        assert np.abs(expected[name] - start[name].numpy()).max() > 1e-3, name
