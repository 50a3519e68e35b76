"""Tests which losses are invalid, when the run ends, and which files stay."""

import math

import pytest
import torch
from mmengine.hooks import Hook
from mmpretrain.registry import HOOKS

from mmmask.engine.hooks import EMATeacherHook, StopOnInvalidLossHook
from mmmask.launch.resume import read_safely
from mmmask.utils.errors import JointError

STOP = dict(type='StopOnInvalidLossHook')


@HOOKS.register_module()
class BreakWeights(Hook):
    """Makes a weight infinite, as the step of a diverging run does, with a loss that was finite."""

    def __init__(self, at: int) -> None:
        self.at = at

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        if runner.iter + 1 == self.at:
            next(runner.model.parameters()).data[0] = math.inf


def test_a_finite_loss_passes(make_runner):
    runner = make_runner([STOP])
    runner.train()
    assert runner.iter == 8


@pytest.mark.parametrize('value', [math.nan, math.inf, -math.inf])
def test_the_iteration_and_the_terms_are_named(make_runner, value):
    """The sixth iteration is the second of the second epoch."""
    runner = make_runner([STOP], inputs=(1.0, 1.0), max_epochs=3)
    calls = []

    class Fails(Hook):
        def before_train_iter(self, runner, batch_idx, data_batch=None):
            if runner.iter == 3:
                data_batch['inputs'].fill_(value)

        def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
            calls.append(runner.iter)

    runner.register_hook(Fails())
    # an infinite input times a sum of weights of either sign
    shown = {math.nan: 'nan', math.inf: '-?inf', -math.inf: '-?inf'}[value]
    message = rf'not finite \(loss {shown}\); stopped in iteration 4 \(epoch 2\); .*: none yet'
    with pytest.raises(JointError, match=message) as info:
        runner.train()
    assert '\n' not in str(info.value)
    assert calls == [0, 1, 2]  # no hook behind it sees the broken iteration


def test_the_teacher_is_not_moved_by_a_broken_step(make_runner):
    runner = make_runner([dict(type='EMATeacherHook'), STOP], inputs=(1.0, math.nan))
    assert StopOnInvalidLossHook.priority == 'HIGH' and EMATeacherHook.priority == 'NORMAL'
    with pytest.raises(JointError):
        runner.train()
    model = runner.model
    assert not all(value.isfinite().all() for value in model.body.parameters())
    assert all(value.isfinite().all() for value in model.teacher.parameters())


def test_values_are_those_that_mmengine_fetched(make_runner):
    """A tensor that can't be read again proves it: no further copy from the device."""
    runner = make_runner()
    runner.train()
    runner.message_hub.update_scalar('train/loss_a', 1.0)

    class Unreadable:
        def __float__(self):
            raise AssertionError('read from the device')

    hook = StopOnInvalidLossHook()
    hook.after_train_iter(runner, 0, outputs=dict(loss_a=Unreadable(), other=Unreadable()))
    with pytest.raises(AssertionError):
        hook.after_train_iter(runner, 0, outputs=dict(loss_unknown=Unreadable()))
    runner.message_hub.update_scalar('train/loss_a', math.nan)
    with pytest.raises(JointError, match='loss_a nan'):
        hook.after_train_iter(runner, 0, outputs=dict(loss_a=Unreadable()))


def test_what_is_no_loss_may_be_nan(make_runner):
    runner = make_runner()
    runner.train()
    StopOnInvalidLossHook().after_train_iter(
        runner, 0, outputs=dict(accuracy=torch.tensor(math.nan))
    )
    StopOnInvalidLossHook().after_train_iter(runner, 0, outputs=None)


@pytest.mark.parametrize('by_epoch', [True, False])
def test_broken_weights_are_never_saved(make_runner, tmp_path, by_epoch):
    """They break in the last iteration before the second checkpoint, whose loss is still finite."""
    loop = dict(by_epoch=True, max_epochs=3)
    if not by_epoch:
        loop = dict(type='IterBasedTrainLoop', max_iters=12)
    save = dict(type='ResumableCheckpointHook', interval=1 if by_epoch else 4, by_epoch=by_epoch)
    runner = make_runner([BreakWeights(8), save], train_cfg=loop)
    name, where = (
        ('epoch_{}.pth', r'iteration 8 \(epoch 2\)') if by_epoch else ('iter_{}.pth', 'iteration 8')
    )
    kept, lost = (name.format(step) for step in ((1, 2) if by_epoch else (4, 8)))
    with pytest.raises(
        JointError, match=rf'weights are not finite.*{where}.*{kept} \(go on'
    ) as info:
        runner.train()
    assert '\n' not in str(info.value)
    assert not (tmp_path / lost).exists()
    assert (tmp_path / 'last_checkpoint').read_text() == str(tmp_path / kept)
    state = read_safely(tmp_path / kept)['state_dict']
    assert all(value.isfinite().all() for value in state.values())
