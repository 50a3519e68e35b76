"""Clipping by hand; a frozen layer that doesn't move at all."""

import math

import pytest
import torch
from mmengine.hooks import Hook
from torch import nn

from mmmask.engine.hooks import PerParameterGradClipHook
from mmmask.engine.hooks.gradient_hooks import clip_grad_norm_per_parameter_
from mmmask.utils.errors import UserError


def parameter(grad):
    value = nn.Parameter(torch.zeros(len(grad), dtype=torch.float64))
    value.grad = torch.tensor(grad, dtype=torch.float64)
    return value


def test_each_parameter_is_clipped_on_its_own():
    long, short, nothing = parameter([3.0, 4.0]), parameter([0.6, -0.8]), parameter([0.0])
    without = nn.Parameter(torch.zeros(2))
    clip_grad_norm_per_parameter_([long, short, nothing, without], max_norm=2.5)
    # Norm 5 is halved; norm 1 stays, though all together have more than 2.5.
    expected = torch.tensor([1.5, 2.0], dtype=torch.float64)
    torch.testing.assert_close(long.grad, expected, rtol=1e-6, atol=0)
    assert long.grad.norm() < 2.5
    assert short.grad.tolist() == [0.6, -0.8] and nothing.grad.tolist() == [0.0]
    assert without.grad is None


def test_nothing_to_clip():
    clip_grad_norm_per_parameter_([nn.Parameter(torch.zeros(2))], max_norm=1.0)


def test_several_dimensions():
    value = nn.Parameter(torch.zeros(2, 2))
    value.grad = torch.full((2, 2), 3.0)  # norm 6
    clip_grad_norm_per_parameter_([value], max_norm=3.0)
    torch.testing.assert_close(value.grad, torch.full((2, 2), 1.5))


class Watch(Hook):
    """Keeps a copy of all parameters after each iteration."""

    priority = 'LOWEST'

    def __init__(self):
        self.states = []

    def before_train(self, runner):
        self.states.append(self.copy(runner))

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        self.states.append(self.copy(runner))

    @staticmethod
    def copy(runner):
        return {name: p.detach().clone() for name, p in runner.model.named_parameters()}


def steps(watch, name):
    """Return how much each iteration took off each entry."""
    return [
        (before[name] - after[name]).flatten().tolist()
        for before, after in zip(watch.states, watch.states[1:])
    ]


needs_cuda = pytest.mark.skipif(not torch.cuda.is_available(), reason='mm has AMP on GPUs only')
AMP = pytest.param(dict(type='AmpOptimWrapper'), marks=needs_cuda)


@pytest.mark.parametrize('wrapper', [{}, AMP])
def test_the_runner_clips(make_runner, wrapper):
    # Every entry's gradient is the input: body.bias, of two, has norm 5 sqrt(2) or 0.1 sqrt(2).
    watch, inputs = Watch(), [5.0, -5.0, 0.125, 0.0]
    wrapper = dict(optimizer=dict(type='SGD', lr=1.0), **wrapper)
    clip = dict(type='PerParameterGradClipHook', max_norm=3.0)
    make_runner([clip, watch], wrapper, inputs=inputs, max_epochs=1).train()
    clipped = 3 / math.sqrt(2)
    for name in ('body.weight', 'body.bias', 'neck.last_layer.weight'):
        for found, expected in zip(steps(watch, name), [clipped, -clipped, 0.125, 0.0]):
            assert found == pytest.approx([expected] * 2, rel=1e-5), name


def test_a_norm_that_makes_no_sense():
    with pytest.raises(UserError, match='max_norm must be positive'):
        PerParameterGradClipHook(max_norm=0.0)


FREEZE = dict(type='FreezeLastLayerHook', epochs=1)
ADAM = dict(optimizer=dict(type='AdamW', lr=0.5, weight_decay=0.25))


def test_a_frozen_layer_does_not_move_at_all(make_runner):
    watch = Watch()
    runner = make_runner([FREEZE, watch], ADAM)
    runner.train()
    layer = 'neck.last_layer.weight'
    for state in watch.states[:5]:  # before, and after the four iterations of epoch 0
        assert state[layer].tolist() == [[1.0, 1.0]]
    # Adam with constant gradients steps by its rate, after a decay of 0.5 x 0.25 of the value: the
    # first step of epoch 1 is Adam's very first for this layer.
    assert watch.states[5][layer].tolist()[0] == pytest.approx([1 - 0.125 - 0.5] * 2, rel=1e-5)
    assert watch.states[1]['body.bias'].tolist() == pytest.approx([1 - 0.125 - 0.5] * 2, rel=1e-5)
    moments = runner.optim_wrapper.optimizer.state
    model = runner.model
    assert moments[model.neck.last_layer.weight]['step'] == 4
    assert moments[model.body.bias]['step'] == 8


@pytest.mark.parametrize('epochs, frozen', [(0, 0), (2, 8)])
def test_other_numbers_of_epochs(make_runner, epochs, frozen):
    watch = Watch()
    make_runner([dict(FREEZE, epochs=epochs), watch], ADAM).train()
    moved = [any(step) for step in steps(watch, 'neck.last_layer.weight')]
    assert moved == [False] * frozen + [True] * (8 - frozen)


def test_epochs_of_training_by_iterations(make_runner):
    """Four images, one in each iteration: mmengine's own epoch would stay 0."""
    watch = Watch()
    loop = dict(by_epoch=False, max_iters=8)
    make_runner([FREEZE, watch], ADAM, train_cfg=loop).train()
    moved = [any(step) for step in steps(watch, 'neck.last_layer.weight')]
    assert moved == [False] * 4 + [True] * 4


def test_two_ways_to_clip_are_refused(make_runner):
    hook = dict(type='PerParameterGradClipHook')
    wrapper = dict(**ADAM, clip_grad=dict(max_norm=1.0))
    with pytest.raises(UserError, match='clipped twice'):
        make_runner([hook], wrapper).train()


def test_gradients_are_dropped_after_accumulation(make_runner):
    watch = Watch()
    make_runner([FREEZE, watch], dict(**ADAM, accumulative_counts=2)).train()
    moved = [any(step) for step in steps(watch, 'neck.last_layer.weight')]
    assert moved == [False] * 4 + [False, True] * 2


def test_clipped_before_it_is_dropped(make_runner, monkeypatch):
    clipped = []

    def clip(parameters, max_norm):
        clipped.append([p.grad is not None for p in parameters])

    monkeypatch.setattr('mmmask.engine.hooks.gradient_hooks.clip_grad_norm_per_parameter_', clip)
    watch = Watch()
    hooks = [FREEZE, dict(type='PerParameterGradClipHook'), watch]
    make_runner(hooks, ADAM, max_epochs=1).train()
    assert clipped == [[True] * 3] * 4
    assert not any(any(step) for step in steps(watch, 'neck.last_layer.weight'))


def test_nothing_is_dropped_after_the_training(make_runner):
    runner = make_runner([FREEZE], ADAM)
    runner.train()
    assert not runner.optim_wrapper.optimizer._optimizer_step_pre_hooks


def test_a_layer_that_does_not_exist(make_runner):
    with pytest.raises(UserError, match="found no layer 'neck.first_layer'"):
        make_runner([dict(FREEZE, layer='neck.first_layer')]).train()
