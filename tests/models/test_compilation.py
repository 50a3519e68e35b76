"""Compiled blocks compute the same, under the same names, and taps read them."""

import copy

import pytest
import torch
from torch import nn

from mmmask.models.attention import AttentionTap, SwinAttentionTap
from mmmask.models.backbones import MaskedSwinTransformer, MaskedVisionTransformer
from mmmask.models.compilation import compile_blocks, is_compiled
from mmmask.timing.step_timing import Step

ROOT = __file__.rpartition('/tests/')[0]
ATTMASK = f'{ROOT}/configs/demo/attmask-high-ibot_vit-demo_material-scenes.py'
ARCH = dict(embed_dims=8, num_layers=3, num_heads=2, feedforward_channels=16)


@pytest.fixture(autouse=True)
def compiled_anew():
    torch._dynamo.reset()
    yield
    torch._dynamo.reset()


@pytest.mark.parametrize(
    ('backend', 'options'),
    [
        ('aot_eager', {}),
        ('eager', dict(drop_path_by='batch')),
        pytest.param('eager', dict(recompute='blocks'), marks=pytest.mark.slow),
    ],
)
def test_losses_and_gradients_are_the_same(backend, options):
    """AttMask's loss has both: a tapped teacher without gradients and views of two sizes."""
    options = {f'model.backbone.{key}': value for key, value in options.items()}
    options |= {'model.backbone.drop_path_rate': 0.4, 'model.backbone.arch.num_layers': 2}
    model = Step(ATTMASK, options, batch_size=4).model
    step = Step(ATTMASK, options, batch_size=4)
    data = model.data_preprocessor(step._batch, True)
    model.load_state_dict(step.model.state_dict())
    names = list(model.state_dict())
    assert compile_blocks(step.model, backend) == 4  # the student's and the teacher's
    found = []
    for network in (model, step.model):
        torch.manual_seed(0)
        losses = network._run_forward(data, mode='loss')
        network.parse_losses(losses)[0].backward()
        found.append([*losses.values(), *(p.grad for p in network.parameters() if p.requires_grad)])
    for eager, compiled in zip(*found, strict=True):
        torch.testing.assert_close(compiled, eager, rtol=1e-4, atol=1e-6)
    assert list(step.model.state_dict()) == names
    assert all(is_compiled(block) for block in step.model.teacher.backbone.layers)


@pytest.mark.parametrize('kind', ['vit', 'swin'])
def test_a_tap_opened_later_reads_a_compiled_network(kind):
    torch.manual_seed(0)
    if kind == 'vit':
        network, tap = MaskedVisionTransformer(ARCH, img_size=16, patch_size=4), AttentionTap()
    else:
        arch = dict(embed_dims=8, depths=[2], num_heads=[2])
        network, tap = MaskedSwinTransformer(arch, 16, window_size=4), SwinAttentionTap()
    network.init_weights()
    images = torch.randn(2, 3, 16, 16)
    compiled = copy.deepcopy(network)
    assert compile_blocks(compiled, 'eager') == (3 if kind == 'vit' else 2)
    scores = []
    for one in (network, compiled):
        one.train()
        one(images)  # compiled now, without the tap's hooks
        with torch.no_grad(), tap(one) as record:
            one(images)
        scores.append(record.scores())
    assert torch.equal(*scores)
    copied = copy.deepcopy(compiled)
    assert list(copied.state_dict()) == list(network.state_dict())
    assert torch.equal(copied(images)[-1], network(images)[-1])


def test_networks_without_blocks():
    assert compile_blocks(nn.Sequential(nn.Linear(2, 2))) == 0
