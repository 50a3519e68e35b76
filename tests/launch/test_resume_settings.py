"""A resumed training follows its present settings, or refuses them."""

import json
import math

import pytest

from mmmask.launch.settings import Change, Effect

SCHEDULE = """
default_hooks = dict(
    logger=dict(interval=1),
    schedule=dict(
        type='ScheduleHook',
        schedules=dict(
            lr=dict(path='optimizer.lr', schedule=dict(type='CosineSchedule', start=1.0, end=0.0))
        ),
    ),
)
"""
SCHEDULERS = """
default_hooks = dict(logger=dict(interval=1))
param_scheduler = [
    dict(type='LinearLR', start_factor=0.5, by_epoch=False, end=4),
    dict(type='CosineAnnealingLR', eta_min_ratio=0.1),
]
"""
BY_ITERATION = """
train_cfg = dict(_delete_=True, type='IterBasedTrainLoop', max_iters={iterations})
train_dataloader = dict(sampler=dict(type='InfiniteSampler', shuffle=True))
log_processor = dict(by_epoch=False)
default_hooks = dict(checkpoint=dict(by_epoch=False, interval=6))
val_cfg, val_dataloader, val_evaluator = None, None, None
"""


@pytest.fixture
def train(tiny_config, tmp_path, run_train, capfd):
    """``train(text, *options)``: train with a child config; give the rates by iteration."""

    def run(text, *options, resume=None, status=0, work_dir='run'):
        child = tmp_path / 'child.py'
        child.write_text(f"_base_ = './{tiny_config.name}'\n{text}")
        arguments = [str(child), '--work-dir', str(tmp_path / work_dir), *(resume or ())]
        arguments += ['--cfg-options', *options] if options else []
        before = len(logged())
        assert run_train(arguments) == status
        run.output = ''.join(capfd.readouterr())
        return {line['step'] - 1: line['lr'] for line in logged()[before:] if 'lr' in line}

    def logged():
        """All lines; two runs within a second share a file."""
        files = sorted(tmp_path.glob('run/*/vis_data/scalars.json'))
        return [json.loads(line) for file in files for line in file.read_text().splitlines()]

    return run


def cosine(step, steps, rate):
    return rate * (1 + math.cos(math.pi * step / steps)) / 2


RESUME = ('--resume',)


def test_a_schedule_follows_another_rate_and_length(train):
    """Twelve images in batches of four: three iterations an epoch."""
    rates = train(SCHEDULE)
    assert rates == pytest.approx({i: cosine(i, 6, 1e-3) for i in range(6)})
    lr, length = 'optim_wrapper.optimizer.lr=1e-4', 'train_cfg.max_epochs=4'
    rates = train(SCHEDULE, lr, length, resume=RESUME)
    assert rates == pytest.approx({i: cosine(i, 12, 1e-4) for i in range(6, 12)})
    assert (
        'Resumed under other settings: train_cfg.max_epochs 2 -> 4; optim_wrapper.optimizer.lr '
        '0.001 -> 0.0001.'
        in train.output
        or 'optim_wrapper.optimizer.lr 0.001 -> 0.0001; train_cfg.max_epochs 2 -> 4' in train.output
    )


def test_mmengines_schedulers_follow_them_too(train):
    train(SCHEDULERS)
    options = 'optim_wrapper.optimizer.lr=1e-4', 'train_cfg.max_epochs=4'
    rates = train(SCHEDULERS, *options, resume=RESUME)
    # The warm-up is over; half a cosine over four epochs to a tenth, a value for each epoch.
    expected = {i: 1e-5 + cosine(i // 3, 4, 9e-5) for i in range(6, 12)}
    assert rates == pytest.approx(expected)


def test_epochs_with_another_batch_size(train):
    train(SCHEDULE)
    options = 'train_dataloader.batch_size=2', 'train_cfg.max_epochs=4'
    rates = train(SCHEDULE, *options, resume=RESUME)
    assert rates == pytest.approx({i: cosine(i, 24, 1e-3) for i in range(12, 24)})
    assert 'goes on from iteration 12 of 24' in train.output


def test_iterations_with_another_batch_size(train):
    text = BY_ITERATION + SCHEDULE.replace('default_hooks = dict(', 'default_hooks.update(')
    train(text.format(iterations=6))
    options = 'train_dataloader.batch_size=2', 'train_cfg.max_iters=24'
    rates = train(text.format(iterations=6), *options, resume=RESUME)
    assert rates == pytest.approx({i: cosine(i, 24, 1e-3) for i in range(12, 24)})


def test_the_same_settings_say_nothing(train):
    train(SCHEDULE, 'train_cfg.max_epochs=1')
    (last,) = train(SCHEDULE, 'train_cfg.max_epochs=1', resume=RESUME) or [None]
    assert last is None and 'other settings' not in train.output
    assert 'resume_param_scheduler' not in train.output


def test_another_training_is_refused_unless_the_file_is_named(train, tmp_path):
    train(SCHEDULE)
    drop = 'model.backbone.drop_rate=0.2', 'train_cfg.max_epochs=3'
    train(SCHEDULE, *drop, resume=RESUME, status=1)
    assert 'is of another training (model.backbone.drop_rate 0.1 -> 0.2): --resume ' in train.output
    rates = train(SCHEDULE, *drop, resume=('--resume', str(tmp_path / 'run' / 'epoch_2.pth')))
    assert list(rates) == [6, 7, 8] and 'drop_rate 0.1 -> 0.2' in train.output


def test_a_checkpoint_beyond_the_end_is_refused(train):
    train(SCHEDULE)
    train(SCHEDULE, 'train_cfg.max_epochs=1', resume=RESUME, status=1)
    assert 'has 2 of train_cfg.max_epochs=1: there is nothing left to train' in train.output


def test_checkpoints_of_an_earlier_run_are_passed_over(train, tmp_path):
    train(SCHEDULE)
    first = (tmp_path / 'run' / 'run_id').read_text()
    # A second run in the same folder that ends before its first checkpoint.
    train(SCHEDULE, 'default_hooks.checkpoint.interval=9', 'train_cfg.max_epochs=1')
    (tmp_path / 'run' / 'epoch_1.pth').unlink()
    (tmp_path / 'run' / 'last_checkpoint').write_text(str(tmp_path / 'run' / 'epoch_2.pth'))
    assert (tmp_path / 'run' / 'run_id').read_text() != first
    rates = train(SCHEDULE, resume=RESUME)
    assert list(rates) == list(range(6))
    assert '1 checkpoint(s) of an earlier run: passed over' in train.output
    again = train(SCHEDULE, 'train_cfg.max_epochs=3', resume=RESUME)
    assert list(again) == [6, 7, 8]  # its own


@pytest.mark.parametrize(
    ('key', 'effect'),
    [
        ('model.backbone.arch', Effect.ANOTHER_RUN),
        ('model.backbone.init_cfg.checkpoint', Effect.NONE),
        ('model.backbone.recompute', Effect.NONE),
        ('train_dataloader.dataset.pipeline.0.type', Effect.ANOTHER_RUN),
        ('train_dataloader.dataset.data_root', Effect.FOLLOWED),
        ('train_dataloader.num_workers', Effect.NONE),
        ('optim_wrapper.optimizer.weight_decay', Effect.FOLLOWED),
        ('optim_wrapper.optimizer.type', Effect.ANOTHER_RUN),
        ('default_hooks.knn.interval', Effect.NONE),
        ('default_hooks.schedule.schedules.lr.end', Effect.FOLLOWED),
        ('a_name_of_the_config', Effect.NONE),
        ('work_dir', Effect.NONE),
    ],
)
def test_effects(key, effect):
    assert Change(key, 1, 2).effect is effect


OWN_PREPROCESSOR = """
model = dict(
    data_preprocessor=dict(type='ClsDataPreprocessor', mean=[1.0, 2.0, 3.0], std=[9.0] * 3)
)
"""


@pytest.mark.parametrize('length', [0, -1])
def test_a_training_of_nothing_is_refused(train, length):
    train('', f'train_cfg.max_epochs={length}', status=1)
    assert f'train_cfg.max_epochs is {length}: nothing would be trained' in train.output


def test_what_something_else_decides_is_refused(train):
    text = SCHEDULE.replace("path='optimizer.lr'", "path='model.head.topk'")
    train(text, status=1)
    assert 'model.head.topk is 1, but a schedule overwrites it' in train.output
    text = text.replace('model.head.topk', 'model.teacher.momentum') + 'model = dict(momentum=0.5)'
    train(text, status=1)
    assert 'model.momentum is 0.5, but a schedule overwrites it' in train.output
    train(SCHEDULE + "param_scheduler = [dict(type='LinearLR', start_factor=0.5)]", status=1)
    assert 'two schedules, ScheduleHook and param_scheduler' in train.output
    train(OWN_PREPROCESSOR, 'data_preprocessor.mean=[4.0, 5.0, 6.0]', status=1)
    assert 'data_preprocessor.mean is not used, as the model has its own' in train.output


def test_which_of_two_preprocessors_is_used_is_said(train):
    train(OWN_PREPROCESSOR)
    assert 'model.data_preprocessor.mean=[1.0, 2.0, 3.0] is used; data_preproc' in train.output


def test_a_work_dir_that_is_a_file(train, tmp_path):
    (tmp_path / 'file').write_text('')
    train('', status=1, work_dir='file/below')
    assert 'cannot be made: ' in train.output and 'file is a file' in train.output
