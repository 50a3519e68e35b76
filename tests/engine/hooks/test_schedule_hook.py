"""Values arrive where they are wanted, at every iteration."""

import pytest
from mmengine.hooks import Hook

from mmmask.engine.hooks import ScheduleHook
from mmmask.utils.errors import UserError


def linear(start=0.0, end=8.0, **kwargs):
    return dict(type='LinearSchedule', start=start, end=end, **kwargs)


class Watch(Hook):
    """Keeps what the model and the optimiser had in each iteration."""

    priority = 'LOWEST'

    def __init__(self):
        self.temperatures, self.lrs, self.decays = [], [], []

    def before_train_iter(self, runner, batch_idx, data_batch=None):
        groups = runner.optim_wrapper.optimizer.param_groups
        self.temperatures.append(runner.model.head.temperature)
        self.lrs.append([group['lr'] for group in groups])
        self.decays.append([group['weight_decay'] for group in groups])


def schedules(path='model.head.temperature', schedule=None, **kwargs):
    item = dict(path=path, schedule=schedule or linear(), **kwargs)
    return dict(type='ScheduleHook', schedules=dict(it=item))


TWO_GROUPS = dict(
    type='OptimWrapper',
    constructor='MatrixDecayOptimWrapperConstructor',
    optimizer=dict(type='SGD', lr=0.5, weight_decay=0.25),
)


def test_an_attribute_by_iteration_and_by_epoch(make_runner):
    watch = Watch()
    make_runner([schedules(), watch]).train()
    assert watch.temperatures == [0, 1, 2, 3, 4, 5, 6, 7]
    watch = Watch()
    make_runner([schedules(by='epoch'), watch]).train()
    assert watch.temperatures == [0, 0, 0, 0, 4, 4, 4, 4]


def test_warm_ups_are_in_epochs_for_both(make_runner):
    # One epoch is four iterations: 0, 1/3, 2/3, 1, then constant; by epoch, a warm-up of one
    # step stays at its start.
    warmup = dict(type='ConstantSchedule', value=3.0, warmup=1)
    watch = Watch()
    make_runner([schedules(schedule=warmup), watch]).train()
    assert watch.temperatures == pytest.approx([0, 1, 2, 3, 3, 3, 3, 3])
    watch = Watch()
    make_runner([schedules(schedule=warmup, by='epoch'), watch]).train()
    assert watch.temperatures == [0, 0, 0, 0, 3, 3, 3, 3]


def test_the_optimiser_gets_multiples_of_each_groups_value(make_runner):
    watch = Watch()
    hook = dict(
        type='ScheduleHook',
        schedules=dict(
            lr=dict(path='optimizer.lr', schedule=linear()),
            decay=dict(path='optimizer.weight_decay', schedule=linear(1.0, 9.0)),
        ),
    )
    make_runner([hook, watch], TWO_GROUPS).train()
    assert watch.lrs == [[0.5 * i, 0.5 * i] for i in range(8)]
    assert watch.decays == [[0.25 * (1 + i), 0.0] for i in range(8)]  # what isn't decayed stays so


def test_the_logged_rate_is_the_iterations_own(make_runner):
    class Logged(Hook):
        def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
            logged.append(runner.message_hub.get_scalar('train/lr').current())

    logged = []
    make_runner([schedules('optimizer.lr'), Logged()]).train()
    assert logged == [0.5 * i for i in range(8)]


def test_different_rates_keep_their_ratio(make_runner):
    paramwise = dict(custom_keys={'neck': dict(lr_mult=0.1)})
    wrapper = dict(optimizer=dict(type='SGD', lr=0.5), paramwise_cfg=paramwise)
    watch = Watch()
    make_runner([schedules('optimizer.lr'), watch], wrapper).train()
    for i, lrs in enumerate(watch.lrs):
        assert sorted(set(lrs)) == pytest.approx(sorted({0.05 * i, 0.5 * i}))


@pytest.mark.parametrize('scale', [1.0, 0.125])
def test_an_absolute_end_is_of_the_optimisers_own_rate(make_runner, scale):
    """Another group, or a rate that the runner scaled for its batch, ends at the same share."""
    paramwise = dict(custom_keys={'neck': dict(lr_mult=0.1)})
    wrapper = dict(optimizer=dict(type='SGD', lr=0.5), paramwise_cfg=paramwise)
    item = dict(path='optimizer.lr', end=0.1, schedule=dict(type='LinearSchedule', start=1.0))
    watch = Watch()
    runner = make_runner([dict(type='ScheduleHook', schedules=dict(lr=item)), watch], wrapper)
    runner.optim_wrapper = runner.build_optim_wrapper(runner.optim_wrapper)
    for group in runner.optim_wrapper.optimizer.param_groups:
        group['lr'] *= scale
    runner.train()
    for i, lrs in enumerate(watch.lrs):
        rate = scale * (0.5 + (0.1 - 0.5) * i / 8)
        assert sorted(set(lrs)) == pytest.approx([0.1 * rate, rate])


def test_an_absolute_end_of_the_weight_decay(make_runner):
    item = dict(
        path='optimizer.weight_decay', end=2.25, schedule=dict(type='LinearSchedule', start=1.0)
    )
    watch = Watch()
    hook = dict(type='ScheduleHook', schedules=dict(decay=item))
    make_runner([hook, watch], TWO_GROUPS).train()
    assert watch.decays == [[0.25 * (1 + i), 0.0] for i in range(8)]


def test_an_end_is_given_once_and_of_the_optimiser():
    with pytest.raises(UserError, match="Schedule 'it': end=0.1 .* replaces schedule.end"):
        ScheduleHook(dict(it=dict(path='optimizer.lr', end=0.1, schedule=linear())))
    schedule = dict(type='LinearSchedule', start=0.0)
    with pytest.raises(UserError, match="Schedule 'it': end=0.1 is the last value of optimizer"):
        ScheduleHook(dict(it=dict(path='model.x', end=0.1, schedule=schedule)))
    hook = ScheduleHook(dict(it=dict(path='optimizer.lr', end=None, schedule=linear())))
    assert hook.items[0].schedule.end == 8.0


def test_resuming_does_not_compound(make_runner, tmp_path):
    hook = dict(
        type='ScheduleHook',
        schedules=dict(
            lr=dict(path='optimizer.lr', schedule=linear(1.0, 9.0)),
            decay=dict(path='optimizer.weight_decay', schedule=linear(1.0, 9.0)),
            temperature=dict(path='model.head.temperature', schedule=linear()),
        ),
    )

    class SaveTheFirstEpoch(Hook):
        def after_train_epoch(self, runner):
            if runner.epoch == 0:
                runner.save_checkpoint(str(tmp_path), 'half.pth')

    whole = Watch()
    make_runner([hook, whole, SaveTheFirstEpoch()], TWO_GROUPS).train()
    watch = Watch()
    path = str(tmp_path / 'half.pth')
    runner = make_runner([hook, watch], TWO_GROUPS, load_from=path, resume=True)
    runner.train()
    assert watch.temperatures == [4, 5, 6, 7]
    assert watch.lrs == whole.lrs[4:] == [[0.5 * (1 + i)] * 2 for i in range(4, 8)]
    assert watch.decays == whole.decays[4:]
    groups = runner.optim_wrapper.optimizer.param_groups
    assert [group['initial_lr'] for group in groups] == [0.5, 0.5]
    assert [group['initial_weight_decay'] for group in groups] == [0.25, 0.0]


def test_values_are_logged(make_runner):
    runner = make_runner([schedules()])
    runner.train()
    assert runner.message_hub.get_scalar('train/temperature').data[0].tolist() == list(range(8))


@pytest.mark.parametrize(
    'path',
    [
        'model.head.temprature',
        'model.nothing.temperature',
        'model.nothing.at.all',
        'head.temperature',
        'optimizer.momentum',
        'optimizer.groups.lr',
        'lr',
    ],
)
def test_a_path_that_does_not_exist(make_runner, path):
    with pytest.raises(UserError, match=f"found no '{path}'"):
        make_runner([schedules(path)]).train()


def test_none_drops_a_schedule():
    hook = ScheduleHook(dict(a=None, b=dict(path='model.x', schedule=linear())))
    assert [item.path for item in hook.items] == ['model.x']


def test_misspelt_keys():
    with pytest.raises(UserError, match="Schedule 'it' takes path, schedule, by and end"):
        ScheduleHook(dict(it=dict(path='model.x', schedule=linear(), per='iter')))
    with pytest.raises(UserError, match="Schedule 'it' takes path, schedule, by and end"):
        ScheduleHook(dict(it=dict(path='model.x')))
    with pytest.raises(UserError, match="by must be 'iter' or 'epoch', got 'step'"):
        ScheduleHook(dict(it=dict(path='model.x', schedule=linear(), by='step')))
