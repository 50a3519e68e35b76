"""Runs side by side: arms, seeds and verdicts by hand, and each reason for a refusal."""

import json

import pytest
from run_folders import DATA, KNN, LINEAR, PRETRAINING, changed, write_pretraining, write_run

from mmmask.reports.compared_runs import read_runs
from mmmask.reports.comparison import compare_runs, compared_metrics
from mmmask.utils.errors import UserError

TOP1 = 'knn/top1_k20'


def compare(*folders, baseline=''):
    runs, _ = read_runs(folders)
    return compare_runs(runs, compared_metrics(runs), baseline)


@pytest.fixture
def evaluations(tmp_path):
    """Two methods, three seeds each: k-NN 50, 52, 54 and 60, 63, 66, tested with the same seed."""
    for seed in range(3):
        for name, value in (('ibot', 50 + 2 * seed), ('attmask', 60 + 3 * seed)):
            masker = dict(ibot='BlockMasker', attmask='HighAttentionMasker')[name]
            checkpoint = write_pretraining(
                tmp_path / f'{name}-{seed}', seed, f'configs/{name}.py', model__masker__type=masker
            )
            folder = tmp_path / f'knn-{name}-{seed}'
            write_run(
                folder, {TOP1: value}, checkpoint=checkpoint, checkpoint_sha256=f'{name}{seed}'
            )
    return tmp_path


def test_arms_are_told_by_how_their_weights_were_made(evaluations):
    (group,), refused = compare(*evaluations.glob('knn-*'))
    assert refused == []
    arms = {arm.arm: arm.values for arm in group.arms}
    assert arms == dict(ibot={0: 50, 1: 52, 2: 54}, attmask={0: 60, 1: 63, 2: 66})
    (comparison,) = group.comparisons
    sign = 1 if comparison.other.arm == 'attmask' else -1
    assert comparison.paired == {0: sign * 10, 1: sign * 11, 2: sign * 12}
    assert comparison.seeds['mean'] == sign * 11
    assert comparison.seeds['verdict'] == '3 seeds cannot show it'
    (lines,) = group.differing.values()
    maskers = {'BlockMasker', 'HighAttentionMasker'}
    assert len(lines) == 1 and lines[0].startswith('model.masker.type: ')
    assert set(lines[0].removeprefix('model.masker.type: ').split(' and ')) == maskers


def test_a_folder_of_runs_has_their_trainings_too(evaluations):
    runs, undone = read_runs([evaluations])
    assert len(runs) == 12 and undone == []
    assert {run.name for run in runs} >= {'ibot-0', 'knn-ibot-0'}
    groups, refused = compare_runs(runs, compared_metrics(runs))
    assert [len(group.runs) for group in groups] == [6] and refused == []


def test_a_moved_folder_is_found_beside_the_run(evaluations, tmp_path_factory):
    moved = tmp_path_factory.mktemp('moved') / 'here'
    evaluations.rename(moved)
    (group,), _ = compare(*moved.glob('knn-*'))
    assert {arm.arm for arm in group.arms} == {'ibot', 'attmask'}


def test_a_file_of_unknown_origin_is_an_arm_of_its_own(tmp_path):
    write_pretraining(tmp_path / 'pre', 0)
    later = '2025-12-31T00:00:00+00:00'  # the folder has another training since
    old = dict(checkpoint=str(tmp_path / 'pre/epoch_9.pth'), checkpoint_sha256='1', started=later)
    write_run(tmp_path / 'a', {TOP1: 1.0}, **old)
    write_run(tmp_path / 'b', {TOP1: 2.0}, checkpoint='zoo/dino.pth', checkpoint_sha256='2')
    write_run(
        tmp_path / 'c', {TOP1: 3.0}, checkpoint='copy/dino.pth', checkpoint_sha256='2', seed=1
    )
    write_run(tmp_path / 'd', {TOP1: 4.0})
    (group,), _ = compare(*(tmp_path / name for name in 'abcd'))
    arms = {arm.arm: arm.values for arm in group.arms}
    assert arms == {
        'pre/epoch_9.pth': {0: 1.0},
        'zoo/dino.pth': {0: 2.0, 1: 3.0},
        'untrained': {0: 4.0},
    }


def test_a_baseline_leaves_fewer_pairs(tmp_path):
    for name in 'abc':
        folder = tmp_path / f'pre-{name}'
        checkpoint = write_pretraining(folder, 0, f'{name}.py', model__masker__type=name)
        write_run(tmp_path / f'knn-{name}', {TOP1: 1.0}, checkpoint=checkpoint)
    (group,), _ = compare(*tmp_path.glob('knn-*'))
    assert len(group.comparisons) == 3
    (group,), _ = compare(*tmp_path.glob('knn-*'), baseline='b')
    assert {(c.baseline.arm, c.other.arm) for c in group.comparisons} == {('b', 'a'), ('b', 'c')}
    with pytest.raises(UserError, match="No arm is called 'd'; known: a, b, c"):
        compare(*tmp_path.glob('knn-*'), baseline='d')


def test_an_earlier_checkpoint_is_another_arm(tmp_path):
    last = write_pretraining(tmp_path / 'pre', 3)
    early = last.replace('epoch_9', 'epoch_5')
    write_run(tmp_path / 'a', {TOP1: 1.0}, checkpoint=last)
    write_run(tmp_path / 'b', {TOP1: 2.0}, checkpoint=early)
    (group,), _ = compare(tmp_path / 'a', tmp_path / 'b')
    arms = {arm.arm: arm.values for arm in group.arms}
    assert arms == {'ibot': {3: 1.0}, 'ibot, epoch_5': {3: 2.0}}


def test_equal_names_of_other_settings_are_told_apart(tmp_path):
    for name, ratio in (('a', 0.3), ('b', 0.5)):
        checkpoint = write_pretraining(tmp_path / f'pre-{name}', 0, model__masker__ratio=ratio)
        write_run(tmp_path / name, {TOP1: ratio}, checkpoint=checkpoint)
    (group,), _ = compare(tmp_path / 'a', tmp_path / 'b')
    assert [arm.arm for arm in group.arms] == ['ibot [a]', 'ibot [b]']


def test_options_tell_equal_names_apart(tmp_path):
    for name, words in (
        ('a', 'x=1 y=2'),
        ('b', 'x=1 y=3 model.backbone.init_cfg=None'),
        ('c', 'x=1'),
    ):
        folder = tmp_path / f'pre-{name}'
        checkpoint = write_pretraining(folder, 0, model__masker__ratio=f'of {name}')
        result = json.loads((folder / 'result.json').read_text())
        result['command'] += f' --cfg-options {words} --resume'
        (folder / 'result.json').write_text(json.dumps(result))
        write_run(tmp_path / name, {TOP1: 1.0}, checkpoint=checkpoint)
    (group,), _ = compare(*(tmp_path / name for name in 'abc'))
    assert [arm.arm for arm in group.arms] == ['ibot (y=2)', 'ibot (y=3)', 'ibot']


def test_a_suites_training_is_called_as_its_task(tmp_path):
    checkpoint = write_pretraining(tmp_path / 'deep/high-s2', 2)
    (tmp_path / 'deep/high-s2/task.json').write_text('{"status": "done"}')
    (tmp_path / '.hidden').mkdir()
    write_run(tmp_path / '.hidden/a', {TOP1: 1.0}, checkpoint=checkpoint)
    write_run(tmp_path / 'deep/a', {TOP1: 1.0}, checkpoint=checkpoint)
    (group,), _ = compare(tmp_path)
    assert [arm.arm for arm in group.arms] == ['high'] and group.arms[0].values == {2: 1.0}


def test_a_teacher_that_a_training_took_belongs_to_its_arm(tmp_path):
    """GPA with two teachers, each made by a training of its own."""
    for name, ratio in (('a', 0.3), ('b', 0.5)):
        teacher = write_pretraining(tmp_path / f'mae-{name}', 0, model__masker__ratio=ratio)
        init_cfg = dict(type='Pretrained', checkpoint=teacher)
        scorer = dict(backbone=dict(init_cfg=init_cfg))
        taken = write_pretraining(tmp_path / f'gpa-{name}', 0, 'gpa.py', model__scorer=scorer)
        write_run(tmp_path / name, {TOP1: 1.0}, checkpoint=taken)
    (group,), _ = compare(tmp_path / 'a', tmp_path / 'b')
    assert len(group.arms) == 2


def test_several_runs_of_the_same_weights_pair_by_their_own_seed(tmp_path):
    checkpoint = write_pretraining(tmp_path / 'pre', 5)
    for seed in (0, 1):
        init_cfg = dict(type='Pretrained', checkpoint=checkpoint)
        linear = changed(LINEAR, model__backbone__init_cfg=init_cfg)
        write_run(tmp_path / f'l{seed}', {'acc': 70.0 + seed}, linear, seed=seed)
    (group,), _ = compare(tmp_path / 'l0', tmp_path / 'l1')
    assert [arm.values for arm in group.arms] == [{0: 70.0, 1: 71.0}] and not group.doubled


def test_of_two_runs_of_the_same_thing_the_later_counts(tmp_path):
    write_run(tmp_path / 'a', {TOP1: 2.0}, started='2026-01-03T00:00:00+00:00')
    write_run(tmp_path / 'b', {TOP1: 1.0})
    (group,), _ = compare(tmp_path / 'a', tmp_path / 'b')
    assert group.arms[0].values == {0: 2.0}
    assert [run.name for run in group.doubled] == ['b']


def test_outcomes_of_images_are_compared_where_both_kept_them(tmp_path):
    """Ten of twenty images right, and all of them: McNemar's p is 2 / 2^10."""
    half, checkpoint = [100, 0] * 10, write_pretraining(tmp_path / 'pre', 0)
    write_run(tmp_path / 'a', {TOP1: 50.0}, outcomes={TOP1: half})
    write_run(tmp_path / 'b', {TOP1: 100.0}, checkpoint=checkpoint, outcomes={TOP1: [100] * 20})
    (group,), _ = compare(tmp_path / 'a', tmp_path / 'b')
    (comparison,) = group.comparisons
    assert comparison.images['mean'] == 50 and comparison.images['p'] == 2 / 2**10
    assert comparison.images['verdict'] == 'clearly higher'
    assert comparison.seeds['verdict'] == '1 seed cannot show it'


OTHER_DATA = {**DATA, 'test': dict(images=300, folder='other/val', sha256='ef' * 32)}
REFUSALS = {
    'other data': (
        dict(data=OTHER_DATA),
        {},
        'other data',
        (
            '600 images of data/val, sha256 abababababab',
            '300 images of other/val, sha256 efefefefefef',
        ),
    ),
    'size of masks': (
        dict(protocol=dict(compared_size=[100, 100])),
        {},
        'other size of masks',
        ('original', '[100, 100]'),
    ),
    'k': ({}, dict(test_cfg__k=[20]), 'other number of neighbours', ('[10, 20]', '[20]')),
    'image size': (
        {},
        dict(test_dataloader__dataset__pipeline__1__scale=224),
        'other image size',
        ('64', '224'),
    ),
    'network': ({}, dict(model__backbone__arch='base'), 'another network', ('small', 'base')),
    'unknown': ({}, dict(test_cfg__wobble=3), 'another setting', ('none', '3')),
}


@pytest.mark.parametrize('name', REFUSALS)
def test_what_differs_is_named(tmp_path, name):
    result, options, why, values = REFUSALS[name]
    write_run(tmp_path / 'a', {TOP1: 1.0}, protocol=dict(compared_size='original'))
    result = dict(dict(protocol=dict(compared_size='original')), **result)
    write_run(tmp_path / 'b', {TOP1: 2.0}, changed(KNN, **options), **result)
    groups, (refused,) = compare(tmp_path / 'a', tmp_path / 'b')
    assert [len(group.runs) for group in groups] == [1, 1]
    assert (refused.reason.why, refused.reason.values) == (why, values)
    assert refused.metrics == (TOP1,) and refused.reason.others == ()


def test_other_rates_are_refused(tmp_path):
    write_run(tmp_path / 'a', {'linear/top1': 1.0}, LINEAR)
    fewer = changed(LINEAR, model__lrs=[0.1], train_cfg__max_epochs=12)
    write_run(tmp_path / 'b', {'linear/top1': 2.0}, fewer)
    others = changed(LINEAR, model__lrs=[0.01, 0.1, 3.0])
    write_run(tmp_path / 'c', {'linear/top1': 3.0}, others)
    _, refused = compare(*(tmp_path / name for name in 'abc'))
    told = {(r.first[0].name, r.second[0].name): r.reason for r in refused}
    assert told['a', 'b'].why == 'other number of rates tried'
    assert told['a', 'b'].values == ('3 (0.01, 0.1, 1)', '1 (0.1)')
    assert told['a', 'b'].others == ('config.train_cfg.max_epochs: 6 and 12',)
    assert told['a', 'c'].why == 'other rates tried'


@pytest.mark.parametrize(
    'options',
    [
        dict(work_dir='elsewhere', randomness__seed=3),
        dict(train_dataloader__num_workers=9, val_dataloader__batch_size=1),
        dict(model__init_cfg=dict(type='Xavier'), load_from='file.pth'),
        dict(default_hooks__logger__interval=1, default_hooks__checkpoint__interval=3),
        dict(train_dataloader__dataset__data_root='copy', auto_scale_lr=dict(enable=False)),
        dict(val_interval=3),
    ],
)
def test_settings_that_change_no_number_do_not_matter(tmp_path, options):
    write_run(tmp_path / 'a', {'acc': 1.0}, LINEAR)
    write_run(tmp_path / 'b', {'acc': 2.0}, changed(LINEAR, **options), seed=1)
    (group,), refused = compare(tmp_path / 'a', tmp_path / 'b')
    assert len(group.runs) == 2 and refused == []


def test_another_batch_of_a_training_matters(tmp_path):
    write_run(tmp_path / 'a', {'acc': 1.0}, LINEAR)
    write_run(tmp_path / 'b', {'acc': 2.0}, changed(LINEAR, train_dataloader__batch_size=64))
    _, (refused,) = compare(tmp_path / 'a', tmp_path / 'b')
    assert (refused.reason.why, refused.reason.values) == ('other batch size', ('32', '64'))


def test_the_path_counts_where_the_data_are_not_recorded(tmp_path):
    write_run(tmp_path / 'a', {TOP1: 1.0}, data={})
    other = changed(KNN, test_dataloader__dataset__data_root='other')
    write_run(tmp_path / 'b', {TOP1: 2.0}, other, data={})
    write_run(tmp_path / 'c', {TOP1: 3.0})
    _, refused = compare(*(tmp_path / name for name in 'abc'))
    told = {(r.first[0].name, r.second[0].name): r.reason for r in refused}
    assert told['a', 'b'].values == ('data', 'other')
    assert told['a', 'b'].key == 'config.test_dataloader.dataset.data_root'
    assert told['a', 'c'].why == 'other data' and told['a', 'c'].values[0] == 'not recorded'


def test_pretrainings_are_compared_by_what_their_hooks_measure(tmp_path):
    knn = dict(bank=DATA['bank'], queries=DATA['test'])
    for name, ratio, k in (('a', 0.3, 20), ('b', 0.5, 20), ('c', 0.3, 10)):
        options = dict(model__masker__ratio=ratio, default_hooks__knn__k=k)
        config = changed(PRETRAINING, **options)
        train = dict(images=9, folder='x', sha256=name)
        write_run(
            tmp_path / name, {TOP1: 40.0}, config, f'{name}.py', data=dict(train=train, **knn)
        )
    groups, refused = compare(*(tmp_path / name for name in 'abc'))
    assert sorted(len(group.arms) for group in groups) == [1, 2]
    assert [one.reason.why for one in refused] == ['other number of neighbours']


def test_a_test_is_not_compared_with_a_training(tmp_path):
    write_run(tmp_path / 'a', {'acc': 1.0}, LINEAR)
    write_run(tmp_path / 'b', {'acc': 1.0}, KNN)
    _, (refused,) = compare(tmp_path / 'a', tmp_path / 'b')
    assert refused.reason.why == 'measured by another command' and refused.reason.values == (
        'train',
        'test',
    )


def test_a_run_without_its_config_is_shown_and_not_compared(tmp_path):
    write_run(tmp_path / 'a', {TOP1: 1.0})
    write_run(tmp_path / 'b', {TOP1: 2.0}, None)
    _, (refused,) = compare(tmp_path / 'a', tmp_path / 'b')
    assert refused.reason.why == 'b has no config in its folder'


def test_details_of_a_sweep_are_left_out_unless_asked_for(tmp_path):
    sweep = {'linear/top1': 1.0, 'linear/top1_lr0.003': 1.0, 'linear/best_lr': 3.0}
    runs, _ = read_runs([write_run(tmp_path / 'a', sweep)])
    assert compared_metrics(runs) == ['linear/top1']
    assert compared_metrics(runs, ['*_lr', '*_lr0*']) == ['linear/top1_lr0.003', 'linear/best_lr']
    with pytest.raises(
        UserError, match="No run has a metric 'liner/top1'; did you mean 'linear/top1'"
    ):
        compared_metrics(runs, ['liner/top1'])


def test_the_arms_of_a_suite_have_its_names(tmp_path):
    for name in ('none', 'knn'):
        write_run(tmp_path / name, {TOP1: 1.0})
    records = [dict(task='none', arm='untrained'), dict(task='knn', arm='untrained too')]
    (tmp_path / 'results.json').write_text(json.dumps(records))
    (tmp_path / 'gone').mkdir()
    (tmp_path / 'gone/task.json').write_text('{"status": "failed"}')
    runs, undone = read_runs([tmp_path])
    assert {run.name: run.weights.label for run in runs}['knn'] == 'untrained too'
    assert undone == [str(tmp_path / 'gone')]


@pytest.mark.parametrize(
    'make, message',
    [
        (lambda folder: None, "There is no folder '.*run'"),
        (lambda folder: folder.mkdir(), 'has no result.json: no run is in it'),
        (lambda folder: write_file(folder / 'result.json', '{"status": "do'), 'is damaged'),
        (
            lambda folder: write_file(folder / 'result.json', '{"status": "done"}'),
            "has no 'config'",
        ),
        (lambda folder: write_file(folder / 'a/task.json', '{}'), r'1 run\(s\) in it are not done'),
    ],
)
def test_mistakes_are_one_line(tmp_path, make, message):
    make(tmp_path / 'run')
    with pytest.raises(UserError, match=message) as error:
        read_runs([tmp_path / 'run'])
    assert '\n' not in str(error.value)


def write_file(path, text):
    path.parent.mkdir(parents=True)
    path.write_text(text)
