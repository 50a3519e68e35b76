"""The teacher moves when the student has, and only then."""

import pytest
from mmengine.hooks import Hook


class Watch(Hook):
    """Keeps the student's and the teacher's bias after each iteration."""

    priority = 'LOWEST'

    def __init__(self):
        self.biases = []

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        model = runner.model
        self.biases.append((model.body.bias[0].item(), model.teacher.body.bias[0].item()))


def biases(make_runner, **wrapper):
    watch = Watch()
    # Gradients of 1 and a rate of 1: each step takes 1 off every parameter.
    wrapper = dict(optimizer=dict(type='SGD', lr=1.0), **wrapper)
    hooks = [dict(type='EMATeacherHook'), watch]
    make_runner(hooks, wrapper, max_epochs=1).train()
    return watch.biases


def test_after_every_step_with_the_stepped_student(make_runner):
    # Momentum 0.5: (1 + 0) / 2, (0.5 - 1) / 2, (-0.25 - 2) / 2, (-1.125 - 3) / 2.
    assert biases(make_runner) == [(0.0, 0.5), (-1.0, -0.25), (-2.0, -1.125), (-3.0, -2.0625)]


def test_waits_for_accumulated_gradients(make_runner):
    # Two losses are averaged for a step.
    found = biases(make_runner, accumulative_counts=2)
    assert found == [(1.0, 1.0), (0.0, 0.5), (0.0, 0.5), (-1.0, -0.25)]


def test_the_last_step_of_a_run_counts(make_runner):
    # Four iterations, three a step: the fourth is a step of its own, of a third of its gradient.
    found = biases(make_runner, accumulative_counts=3)
    assert found[:3] == [(1.0, 1.0), (1.0, 1.0), (0.0, 0.5)]
    student, teacher = found[3]
    assert student < 0 and teacher == pytest.approx((0.5 + student) / 2)
