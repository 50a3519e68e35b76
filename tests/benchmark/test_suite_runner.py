import os
import signal
import subprocess
import sys
import threading
import time

import pytest

from mmmask.benchmark.executors import LocalExecutor
from mmmask.benchmark.process import Interrupted, exclusive, make_slots
from mmmask.benchmark.runner import SuiteFailed, SuiteRunner
from mmmask.benchmark.suite import load_suite
from mmmask.config.options import read_options
from mmmask.utils.errors import UserError


def tasks_for(*seeds):
    return [
        task
        for s in seeds
        for task in (
            dict(name=f'knn-{s}', protocol='knn', weights=f'pre-{s}', arm='trained', seed=s),
            dict(name=f'knn-none-{s}', protocol='knn', weights='none', arm='untrained', seed=s),
            dict(name=f'pre-{s}', protocol='pretrain', seed=s),
        )
    ]


def test_everything_runs_once_in_the_order_of_needs(miniature):
    prepare = dict(command=['prepare.py'], data=['data.txt'])
    lines = miniature.run(tasks_for(0, 1), jobs=2, prepare=prepare)
    events = miniature.events
    assert sorted(events) == sorted(
        f'{e} {t["name"]}' for t in tasks_for(0, 1) for e in ('start', 'end')
    )
    for seed in (0, 1):
        assert events.index(f'end pre-{seed}') < events.index(f'start knn-{seed}')
    assert lines[0] == f'prepare: {sys.executable} prepare.py'
    assert lines[-1].startswith('[6/6] knn') and 'top-1 6' in lines[-1] and 'ETA' not in lines[-1]
    assert any('ETA' in line for line in lines)

    miniature.forget()
    lines = miniature.run(tasks_for(0, 1), prepare=prepare)
    assert miniature.events == []
    assert sum('already done' in line for line in lines) == 6


def test_the_longest_chain_goes_first_and_only_selects(miniature):
    miniature.run(tasks_for(0))
    assert miniature.events[0] == 'start pre-0'
    miniature.forget()
    miniature.run(tasks_for(0, 1), only=['knn-1'])
    assert miniature.events == ['start pre-1', 'end pre-1', 'start knn-1', 'end knn-1']


def test_records_are_complete(miniature):
    miniature.run(tasks_for(0, 3), jobs=2)
    records = miniature.read('results.json')
    assert [r['task'] for r in records] == ['knn-none-0', 'knn-0', 'knn-none-3', 'knn-3']
    record = next(r for r in records if r['task'] == 'knn-3')
    assert record['group'] == 'knn' and record['arm'] == 'trained' and record['seed'] == 3
    assert record['protocol'] == dict(name='k-NN', values=dict(k=20))
    assert record['metric'] == 'accuracy/top1' and record['value'] == 63.0
    assert record['config'] == 'configs/knn.py' and record['checkpoint'] == 'out/pre-3/last.pth'
    assert record['versions'] == dict(python='3.x') and record['duration_s'] > 0
    assert record['environment'] == dict(OMP_NUM_THREADS='2')
    assert record['command'] == (
        f'{sys.executable} -m mmmask test configs/knn.py out/pre-3/last.pth '
        '--work-dir out/knn-3 --seed 3'
    )


def test_weights_and_options_become_cfg_options(miniature):
    weights = miniature.write('some.pth', 'x')
    value = dict(type="a 'b'", steps=[dict(scale=[0.5, 1], crop=None)], flip=True)
    tasks = [
        dict(name='file', protocol='pretrain', weights=str(weights.name)),
        dict(name='scratch', protocol='pretrain', weights='none', options={'k': [1, 'x']}, seed=2),
        dict(name='hook', protocol='pretrain', options={'k': value}),
    ]
    suite = load_suite(miniature.suite(tasks), miniature.root)
    runner = SuiteRunner(
        suite, miniature.work_dir, LocalExecutor(make_slots(1, 1, [])), python='python'
    )
    commands = {task.name: command for task, _, command in runner.plan()}
    shared = (
        'python -m mmmask train configs/pretrain.py --work-dir out/{} --seed {} --cfg-options {}'
    )
    option = 'model.backbone.init_cfg'
    assert ' '.join(commands['file']) == shared.format('file', 0, f'{option}.checkpoint=some.pth')
    assert ' '.join(commands['scratch']) == shared.format('scratch', 2, f'k=[1,x] {option}=None')
    hook = commands['hook'][-1]
    assert hook.startswith('k={"type": "a \'b\'", "steps": [{"scale": [0.5, 1], "crop": None}],')
    assert read_options([hook]) == {'k': value}


@pytest.mark.parametrize('jobs', [1, 2])
def test_no_more_than_jobs_at_a_time(miniature, jobs):
    miniature.config('pretrain', sleep=0.3)
    tasks = [dict(name=f'pre-{s}', protocol='pretrain', seed=s) for s in range(4)]
    miniature.run(tasks, jobs=jobs)
    running = most = 0
    for event in miniature.events:
        running += 1 if event.startswith('start') else -1
        most = max(most, running)
    assert most == jobs


def test_slots_share_the_machine():
    assert make_slots(None, 8, []) == [dict(OMP_NUM_THREADS='4')] * 2
    assert make_slots(None, 1, []) == [dict(OMP_NUM_THREADS='1')]
    assert make_slots(4, 2, []) == [dict(OMP_NUM_THREADS='1')] * 4
    gpus = [s['CUDA_VISIBLE_DEVICES'] for s in make_slots(3, 8, ['2', '5'])]
    assert gpus == ['2', '5', '2'] and len(make_slots(None, 8, ['2', '5'])) == 2
    with pytest.raises(UserError, match='--jobs must be at least 1'):
        make_slots(0, 2, [])


def test_a_changed_config_runs_again_and_so_does_what_follows(miniature):
    tasks = tasks_for(0)
    miniature.run(tasks)
    miniature.forget()
    miniature.config('pretrain', weights='other', train_cfg=dict(max_iters=20))
    lines = miniature.run(tasks)
    assert miniature.events == ['start pre-0', 'end pre-0', 'start knn-0', 'end knn-0']
    assert any(
        'pre-0 starts anew: config.train_cfg.max_iters changed from 10 to 20' in x for x in lines
    )
    assert any('knn-0 starts anew: weights changed' in line for line in lines)
    assert len(list((miniature.work_dir / '.superseded').iterdir())) == 2

    # The same weights come out of a changed config: what follows still holds.
    miniature.forget()
    miniature.config('pretrain', weights='other', train_cfg=dict(max_iters=30))
    miniature.run(tasks)
    assert miniature.events == ['start pre-0', 'end pre-0']


def test_changed_data_run_again(miniature):
    miniature.write('data.txt', 'a')
    miniature.run(tasks_for(0), prepare=dict(data=['data.txt']))
    miniature.forget()
    miniature.write('data.txt', 'b')
    lines = miniature.run(tasks_for(0), prepare=dict(data=['data.txt']))
    assert len(miniature.events) == 6 and any('data.data.txt changed' in line for line in lines)


def test_an_interrupted_training_continues(miniature):
    miniature.config('pretrain', dies=True)
    with pytest.raises(SuiteFailed, match='pre-0 failed: killed by SIGKILL after: threads'):
        miniature.run(tasks_for(0))
    assert 'start pre-0' in miniature.events and 'end pre-0' not in miniature.events
    miniature.forget()
    lines = miniature.run(tasks_for(0))
    assert [e for e in miniature.events if 'pre' in e] == ['resume pre-0', 'end pre-0']
    assert any('pre-0 continues where it was interrupted' in line for line in lines)
    assert miniature.read('pre-0/task.json')['attempts'] == 2


def test_a_failure_stops_the_suite_with_the_last_error(miniature):
    miniature.config('pretrain', broken=True)
    tasks = [*tasks_for(0), dict(name='later', protocol='slow')]
    protocols = dict(miniature.protocols, slow=dict(run='train', config='configs/slow.py'))
    miniature.config('slow', sleep=60)
    started = time.monotonic()
    with pytest.raises(SuiteFailed) as failure:
        miniature.run(tasks, jobs=2, protocols=protocols)
    assert time.monotonic() - started < 20
    assert str(failure.value) == (
        'pre-0 failed: ValueError: the images are upside down (log: out/pre-0/log.txt)'
    )
    assert 'end later' not in miniature.events


def test_keep_going_runs_what_does_not_depend_on_it(miniature):
    miniature.config('pretrain', broken=True)
    with pytest.raises(SuiteFailed, match=r'pre-0 failed \(and 1 more\)'):
        miniature.run(tasks_for(0), keep_going=True)
    assert 'end knn-none-0' in miniature.events and 'start knn-0' not in miniature.events
    assert miniature.read('knn-0/task.json')['status'] == 'failed'
    assert [r['task'] for r in miniature.read('results.json')] == ['knn-none-0']


def test_a_missing_metric_names_those_there_are(miniature):
    protocols = dict(
        miniature.protocols,
        knn=dict(miniature.protocols['knn'], metrics={'accuracy/top5': 'top-5'}),
    )
    with pytest.raises(
        SuiteFailed, match="no metric 'accuracy/top5'; did you mean 'accuracy/top1'"
    ):
        miniature.run(tasks_for(0), protocols=protocols)
    miniature.run(tasks_for(0))  # mended, nothing that was done is done again
    assert miniature.events.count('end knn-0') == 1


def test_a_missing_value_is_told_before_anything_runs(miniature):
    protocols = dict(miniature.protocols, knn=dict(miniature.protocols['knn'], values={'k': 'kk'}))
    with pytest.raises(
        UserError, match="configs/knn.py: 'kk': the config has no 'kk'; did you mean 'k'"
    ):
        miniature.run(tasks_for(0), protocols=protocols)
    assert miniature.events == []


def test_a_failing_preparation_is_told(miniature):
    miniature.write('prepare.py', "raise SystemExit('error: no disk')")
    with pytest.raises(SuiteFailed, match='prepare failed: error: no disk'):
        miniature.run(tasks_for(0), prepare=dict(command=['prepare.py']))


def test_a_plan_says_what_would_happen(miniature):
    miniature.run(tasks_for(0), only=['knn-none-0'])
    suite = load_suite(miniature.suite(tasks_for(0)), miniature.root)
    runner = SuiteRunner(suite, miniature.work_dir, LocalExecutor(make_slots(1, 1, [])))
    plan = {task.name: (what, command) for task, what, command in runner.plan()}
    assert {name: what for name, (what, _) in plan.items()} == {
        'knn-none-0': 'skip', 'pre-0': 'run', 'knn-0': 'run, after pre-0'
    }  # fmt: skip
    assert '<checkpoint of pre-0>' in plan['knn-0'][1]


def test_a_signal_ends_the_children(miniature):
    miniature.config('pretrain', sleep=60)

    def interrupt():
        while not miniature.events:
            time.sleep(0.05)
        os.kill(os.getpid(), signal.SIGTERM)

    thread = threading.Thread(target=interrupt)
    thread.start()
    with pytest.raises(Interrupted, match='SIGTERM'):
        miniature.run([dict(name='pre', protocol='pretrain')])
    thread.join()
    found = subprocess.run(['ps', '-eo', 'args'], capture_output=True, text=True).stdout
    assert str(miniature.work_dir.name + '/pre ') not in found
    assert miniature.read('pre/task.json')['seconds'] > 0


def test_two_runners_do_not_meet(miniature):
    with exclusive(miniature.work_dir):
        second = exclusive(miniature.work_dir)
        with pytest.raises(UserError, match=f'in use by .* process id {os.getpid()}'), second:
            pass
    with exclusive(miniature.work_dir):
        pass
