import pytest

import mmmask.registration  # noqa: F401
from mmmask.benchmark import identity, plan
from mmmask.benchmark.executors import LocalExecutor
from mmmask.benchmark.plan import describe_plan, earlier_seconds
from mmmask.benchmark.process import make_slots
from mmmask.benchmark.runner import SuiteRunner
from mmmask.benchmark.suite import load_suite
from mmmask.utils.errors import UserError

INIT = dict(type='Pretrained', checkpoint='SET-ME')
PLACES = ('model.backbone.init_cfg', 'model.scorer.backbone.init_cfg.checkpoint')


@pytest.fixture
def runner(miniature):
    def make(tasks, protocols=None, work_dir='out', **values):
        identity._resolve.cache_clear()
        suite = load_suite(miniature.suite(tasks, protocols, **values), miniature.root)
        executor = LocalExecutor(make_slots(2, 2, []))
        return SuiteRunner(suite, miniature.root / work_dir, executor, python='python')

    return make


def rows(text):
    """The rows of the table by task, and the lines between them and the commands."""
    table, _, rest = text.partition('\n\n')
    header, *lines = table.splitlines()
    starts = [header.index(name) for name in ('task', 'to do', 'needs', 'data', 'weights', 'time')]
    cells = [
        [line[a:b].strip() for a, b in zip(starts, [*starts[1:], None])]
        for line in lines
    ]  # fmt: skip
    return {name: row for name, *row in cells}, rest.partition('\n\n')[0].splitlines()


def test_needs_time_and_work(runner, miniature):
    train, test = miniature.protocols.values()
    protocols = dict(
        pretrain=dict(train, gpus=2, cpus=4, hours=2), knn=dict(test, minutes=6, baseline='')
    )
    tasks = [
        dict(name='pre', protocol='pretrain'),
        dict(name='knn', protocol='knn', weights='pre'),
        dict(name='none', protocol='knn', weights='none'),
    ]
    table, below = rows(describe_plan(runner(tasks, protocols)))
    needs = '2 processes, 4 cores each, 2 h'
    assert table == dict(
        pre=['run', needs, 'there', '-', '2 h 00 min (stated)'],
        knn=['run, after pre', '1 process', 'there', 'pre', '6 min (stated)'],
        none=['run', '1 process', 'there', 'none', '6 min (stated)'],
    )
    # 2 x 2 h + 0.1 h + 0.1 h; the longest chain is pre, knn
    assert below == ['3 tasks to run: 4.20 process (GPU) hours, 2 h 06 min, 2 processes at a time.']


def test_what_has_run_tells_the_time(runner, miniature):
    tasks = [dict(name=f'pre-{s}', protocol='pretrain', seed=s) for s in range(2)]
    miniature.run(tasks)
    seconds = {miniature.read(f'pre-{s}/task.json')['seconds'] for s in range(2)}
    beside = runner(tasks, work_dir='beside')
    found = earlier_seconds(beside.suite, beside.work_dir, beside.executor.machine)
    assert found.keys() == {'pre-0', 'pre-1'} and {*found.values()} <= seconds
    assert earlier_seconds(beside.suite, beside.work_dir, 'another machine') == {}
    changed = runner([dict(tasks[0], options={'k': 5})], work_dir='beside')
    assert earlier_seconds(changed.suite, changed.work_dir, beside.executor.machine) == {}
    table, below = rows(describe_plan(runner(tasks)))
    assert table['pre-0'][0] == 'skip' and below == ['Nothing is left to run.']


def test_what_is_missing(runner, miniature):
    loader = dict(dataset=dict(type='mmpretrain.CustomDataset', data_root='nowhere'))
    model = dict(backbone=dict(init_cfg=INIT))
    parts = dict(train_dataloader=loader, train_cfg=dict(max_epochs=1), model=model)
    miniature.config('pretrain', **parts)
    miniature.config('knn', model=model)
    there = miniature.write('there.pth', 'x').name
    tasks = [
        dict(name='open', protocol='pretrain'),
        dict(name='file', protocol='pretrain', weights=there),
        dict(name='gone', protocol='pretrain', weights='gone.pth'),
        dict(name='hub', protocol='pretrain', weights='hf://owner/name/model.safetensors'),
        dict(name='tested', protocol='knn', arm='untrained', weights=there),
    ]
    table, below = rows(describe_plan(runner(tasks)))
    assert {name: row[2:4] for name, row in table.items()} == dict(
        open=['missing', 'SET-ME (missing)'],
        file=['missing', 'there.pth (there)'],
        gone=['missing', 'gone.pth (missing)'],
        hub=['missing', 'hf://owner/name/model.safetensors (fetched)'],
        tested=['there', 'there.pth (there)'],
    )
    assert table['gone'][0] == 'waits for a checkpoint'
    (nowhere,) = (line for line in below if 'nowhere' in line)
    assert nowhere.startswith('! open and 3 more: the folder of train data')
    assert any('! open: a checkpoint at model.backbone.init_cfg' in x for x in below)
    with pytest.raises(UserError, match="gone: there is no checkpoint 'gone.pth'"):
        runner([tasks[2]]).run()
    assert miniature.events == []


def test_weights_go_wherever_the_config_takes_them(runner, miniature):
    parts = dict(backbone=dict(init_cfg=INIT), scorer=dict(backbone=dict(init_cfg=INIT)))
    miniature.config('gpa', model=parts, load_from=None)
    protocols = {**miniature.protocols, 'gpa': dict(run='train', config='configs/gpa.py')}
    teacher = dict(name='mae', protocol='pretrain')
    tasks = [
        teacher,
        dict(name='gpa', protocol='gpa', weights=dict(zip(PLACES, ('none', 'mae')))),
        dict(name='both', protocol='gpa', weights=dict(zip(PLACES, ('mae', 'https://x.org/y')))),
        dict(name='whole', protocol='gpa', weights={'load_from': 'gpa', PLACES[0]: 'none'}),
    ]
    planned = runner(tasks, protocols)
    options = {
        task.name: command[command.index('--cfg-options') + 1 :]
        for task, _, command in planned.plan(['gpa', 'both', 'whole'])
        if '--cfg-options' in command
    }
    scorer = PLACES[1]
    assert options == dict(
        gpa=[f'{PLACES[0]}=None', f'{scorer}=<checkpoint of mae>'],
        both=[f'{PLACES[0]}.checkpoint=<checkpoint of mae>', f'{scorer}=https://x.org/y'],
        whole=['load_from=<checkpoint of gpa>', f'{PLACES[0]}=None'],
    )
    assert planned.suite.task('whole').needs == ('gpa',)

    lines = miniature.run(tasks[:3], protocols=protocols, only=['both'])
    assert [event.split()[1] for event in miniature.events] == ['mae', 'mae', 'both', 'both']
    assert 'both done' in lines[-1]
    weights = miniature.read('both/task.json')['identity']['weights']
    assert len(weights[PLACES[0]]) == 64 and weights[scorer] == 'https://x.org/y'
    miniature.forget()
    miniature.config('pretrain', weights='other')
    lines = miniature.run(tasks[:3], protocols=protocols, only=['both'])
    assert f'both starts anew: weights.{PLACES[0]} changed' in lines[-2]


def test_a_place_that_the_config_lacks(runner, miniature):
    miniature.config('pretrain', model=dict(backbone=dict(init_cfg=INIT)))
    task = dict(name='a', protocol='pretrain', weights={'model.backbon.init_cfg': 'none'})
    with pytest.raises(UserError, match="configs/pretrain.py: .*Did you mean 'backbone'"):
        runner([task]).run()
    tested = dict(name='b', protocol='knn', weights={'model': 'none'})
    with pytest.raises(UserError, match="task 'b': a test's 'weights' must have a 'checkpoint'"):
        runner([tested])


def test_steps_tell_the_time_of_a_training(runner, miniature, tiny_config, monkeypatch):
    protocols = dict(
        one=dict(run='train', config=str(tiny_config), minutes=9),
        two=dict(run='train', config=str(tiny_config), gpus=2),
    )
    tasks = [dict(name=name, protocol=name) for name in protocols]
    monkeypatch.setattr(plan, 'Step', lambda *args: None)
    monkeypatch.setattr(plan, 'time_steps', lambda steps, count: [[7.0] * count])
    table, _ = rows(describe_plan(runner(tasks, protocols), measure=True))
    # two epochs of twelve images, four in a batch, in one process or two
    assert (table['one'][-1], table['two'][-1]) == ('42 s (steps)', '28 s (steps)')
    assert rows(describe_plan(runner(tasks, protocols)))[0]['one'][-1] == '9 min (stated)'
