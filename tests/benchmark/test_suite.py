import pytest

from mmmask.benchmark.suite import load_suite, select
from mmmask.utils.errors import UserError

PRETRAIN = dict(name='pre', protocol='pretrain')
KNN = dict(name='knn', protocol='knn', weights='pre', arm='trained')
UNTRAINED = dict(name='knn-0', protocol='knn', weights='none', arm='untrained')
PROTOCOL = dict(run='train', config='configs/pretrain.py')


def test_a_suite_is_read_in_the_order_of_needs(miniature):
    path = miniature.suite([KNN, UNTRAINED, PRETRAIN], title='T', _local=3)
    suite = load_suite(path, miniature.root)
    assert [task.name for task in suite.tasks] == ['knn-0', 'pre', 'knn']
    assert suite.task('knn').needs == ('pre',) and suite.task('knn-0').needs == ()
    assert suite.title == 'T' and suite.protocols['knn'].metrics[0].label == 'top-1'
    assert [task.name for task in select(suite, ['knn'])] == ['pre', 'knn']
    assert len(select(suite, [])) == 3
    with pytest.raises(UserError, match="no such task: 'kn'; did you mean 'knn'"):
        select(suite, ['kn'])


def test_options_of_a_task_come_after_its_protocols(miniature):
    protocols = dict(pretrain=dict(PROTOCOL, options={'a': 1, 'b': 1}))
    path = miniature.suite([dict(PRETRAIN, options={'b': 2})], protocols)
    assert load_suite(path, miniature.root).tasks[0].options == {'a': 1, 'b': 2}


@pytest.mark.parametrize(
    'tasks, message',
    [
        ([dict(PRETRAIN, sed=1)], "task 'pre': unknown key 'sed'; did you mean 'seed'"),
        ([dict(protocol='pretrain')], "task 1: 'name' is missing"),
        ([PRETRAIN, PRETRAIN], "two tasks are named 'pre'"),
        (
            [dict(PRETRAIN, protocol='pretrian')],
            "no such protocol: 'pretrian'; did you mean 'pretrain'",
        ),
        ([dict(PRETRAIN, name='a/b')], "task 'a/b': not a name for a folder"),
        ([dict(PRETRAIN, name='report')], "task 'report': not a name for a folder"),
        ([PRETRAIN, UNTRAINED, dict(KNN, weights='prä')], "neither a train task nor a file: 'prä'"),
        ([PRETRAIN, UNTRAINED, dict(KNN, weights='knn-0')], 'neither a train task nor a file'),
        ([UNTRAINED, dict(name='k', protocol='knn')], "task 'k': a test needs 'weights'"),
        (
            [PRETRAIN, UNTRAINED, KNN, dict(KNN, name='x')],
            "2 tasks of protocol 'knn' have arm 'trained'",
        ),
        ([PRETRAIN, KNN], "no task has the baseline's arm 'untrained'; did you mean 'trained'"),
        (
            [dict(PRETRAIN, weights='b'), dict(PRETRAIN, name='b', weights='pre')],
            'need one another: pre -> b',
        ),
    ],
)
def test_a_wrong_task_is_told(miniature, tasks, message):
    with pytest.raises(UserError, match=message):
        load_suite(miniature.suite(tasks), miniature.root)


@pytest.mark.parametrize(
    'changes, message',
    [
        (dict(run='tset'), "protocol 'p': 'run' can't be 'tset'; did you mean 'test'"),
        (
            dict(config='configs/pretrian.py'),
            "no such config: .* did you mean 'configs/pretrain.py'",
        ),
        (dict(metric={}), "protocol 'p': unknown key 'metric'; did you mean 'metrics'"),
        (
            dict(metrics={'a': dict(lable='A')}),
            "metric 'a': unknown key 'lable'; did you mean 'label'",
        ),
        (dict(figures=[dict(kind='masks')]), "protocol 'p': a figure is dict"),
    ],
)
def test_a_wrong_protocol_is_told(miniature, changes, message):
    path = miniature.suite([dict(name='a', protocol='p')], dict(p={**PROTOCOL, **changes}))
    with pytest.raises(UserError, match=message):
        load_suite(path, miniature.root)


def test_a_wrong_suite_is_told(miniature):
    with pytest.raises(UserError, match='nowhere.py'):
        load_suite(miniature.root / 'nowhere.py', miniature.root)
    with pytest.raises(UserError, match="unknown key 'titel'; did you mean 'title'.*_"):
        load_suite(miniature.suite([], titel='T'), miniature.root)
    with pytest.raises(UserError, match="'tasks' is missing"):
        load_suite(miniature.write('suite.py', 'protocols = {}'), miniature.root)
    with pytest.raises(UserError, match='ZeroDivisionError'):
        load_suite(miniature.write('suite.py', 'tasks = 1 / 0'), miniature.root)
    with pytest.raises(UserError, match='no such script: x.py'):
        load_suite(miniature.suite([], prepare=dict(command=['x.py'])), miniature.root)


def test_tables_make_the_tasks_of_their_cells(miniature):
    protocols = dict(
        pretrain=dict(PROTOCOL, gpus=8),
        knn=dict(run='test', config='configs/knn.py', metrics={'top1': 'top-1'}),
        unused=PROTOCOL,
    )
    table = dict(
        name='t',
        title='T',
        columns=[dict(label='k-NN', metric='knn')],
        rows=[
            dict(label='ours', arm='ours', published=[1.5]),
            dict(label='theirs', arm='theirs', published=[1.0]),
        ],
    )
    suite = dict(
        arms=dict(ours=dict(protocol='pretrain'), theirs=dict(source='a place')),
        tables=[table],
        seeds=[3],
    )
    path = miniature.suite([], protocols, **suite)
    loaded = load_suite(path, miniature.root)
    assert [task.name for task in loaded.tasks] == ['ours-s3', 'knn-ours-s3']
    assert list(loaded.protocols) == ['pretrain', 'knn']
    assert loaded.missing == {'theirs': 'a place'} and not loaded.is_demo
    assert loaded.tables[0].rows[0].cells[0].published == 1.5
    more = load_suite(path, miniature.root, given={'theirs': 'a.pth'}, seeds=range(2))
    assert [task.name for task in more.tasks if task.arm == 'theirs'] == [
        'knn-theirs-s0',
        'knn-theirs-s1',
    ]
    with pytest.raises(UserError, match="'pretrain': it has no 'demo', so --demo can't run it"):
        load_suite(path, miniature.root, demo=True)
    protocols['pretrain']['demo'] = dict(config='configs/pretrain.py')
    protocols['knn']['demo'] = dict(config='configs/knn.py', options={'a': 1})
    suite['figures'] = [dict(type='curves', arms=['ours'], until=5, demo=dict(until=1))]
    path = miniature.suite([], protocols, **suite)
    assert load_suite(path, miniature.root).figures[0]['until'] == 5
    small = load_suite(path, miniature.root, demo=True)
    assert small.figures == (dict(type='curves', arms=['ours'], until=1),)
    assert small.is_demo and small.title.endswith(' (demo)')
    assert small.protocols['pretrain'].gpus == 1 and small.task('knn-ours-s3').options == {'a': 1}


def test_what_only_tables_have_is_refused_without_them(miniature):
    path = miniature.suite([PRETRAIN])
    with pytest.raises(UserError, match='it has no tables, so --seeds has nothing'):
        load_suite(path, miniature.root, seeds=[0])
    with pytest.raises(UserError, match="--set: no such arm: 'x'"):
        load_suite(path, miniature.root, given={'x': 'a.pth'})
    with pytest.raises(UserError, match="'figures': no such arm: 'x'"):
        load_suite(
            miniature.suite([PRETRAIN], figures=[dict(type='curves', arms=['x'])]), miniature.root
        )
