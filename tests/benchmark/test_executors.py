"""Tasks of several processes, on this machine and by submitit, which runs its local mode here."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from multiprocessing import get_context
from pathlib import Path

import pytest
from suite_miniature import Miniature
from waiting import wait_for

from mmmask.benchmark.executors import Job, LocalExecutor, SubmititExecutor
from mmmask.benchmark.process import is_in_use, make_slots
from mmmask.benchmark.runner import SuiteFailed
from mmmask.utils import files
from mmmask.utils.errors import UserError

READING = dict(Miniature.protocols['knn'], baseline='')


def suite_of_eight(miniature, sleep=0.05, steps=8):
    """Return protocols and tasks: two pairs train in one process, two in two, and are tested."""
    miniature.config('pretrain', steps=steps, sleep=sleep)
    miniature.config('knn', reads=True)
    one = miniature.protocols['pretrain']
    protocols = dict(one=one, two=dict(one, gpus=2), knn=READING)
    tasks = [dict(name=f'pre-{s}', protocol=('one', 'two')[s % 2], seed=s) for s in range(4)]
    tasks += [dict(name=f'knn-{s}', protocol='knn', seed=s, weights=f'pre-{s}') for s in range(4)]
    return dict(protocols=protocols, tasks=tasks)


def without_times(work_dir: Path) -> str:
    records = json.loads((work_dir / 'results.json').read_text())
    for record in records:
        assert record.pop('duration_s') > 0
    return json.dumps(records)


def test_places_on_gpus_and_cores():
    cores = LocalExecutor(make_slots(2, 4, []))
    cores.check('a', 2, 1)
    with pytest.raises(UserError, match='a needs 3 processes, and here are places for 2: .*--jobs'):
        cores.check('a', 3, 1)
    with pytest.raises(UserError, match='a needs 2 processes on 2 machines'):
        cores.check('a', 2, 2)
    shared = LocalExecutor(make_slots(4, 4, ['0', '3']))  # two places on each GPU
    shared.check('a', 2, 1)
    assert shared.has_room(2) and not shared.has_room(3)
    with pytest.raises(UserError, match=r'here are 2 GPU\(s\)'):
        shared.check('a', 3, 1)


def test_a_task_of_two_processes_fills_two_places(miniature):
    suite = suite_of_eight(miniature)
    miniature.run(**suite, jobs=2)
    running = most = 0
    for event in miniature.events:
        kind, name = event.split()
        size = 2 if name in ('pre-1', 'pre-3') else 1
        running += -size if kind == 'end' else size
        most = max(most, running)
    assert most == 2 and miniature.events.count('start pre-1') == 1  # rank 0 alone notes
    state = miniature.read('pre-1/task.json')
    assert ' -m mmmask.launch.spawn 2 -m mmmask train ' in state['command']
    assert ' --launcher pytorch' in state['command']
    assert state['identity']['processes'] == 2
    assert 'processes' not in miniature.read('pre-0/task.json')['identity']


def test_devices_of_two_places(miniature):
    slots = make_slots(None, 4, ['5', '7'])
    tasks = [dict(name='a', protocol='two')]
    protocols = dict(two=dict(miniature.protocols['pretrain'], gpus=2))
    miniature.run(tasks, protocols=protocols, executor=LocalExecutor(slots))
    assert miniature.read('a/task.json')['environment'] == dict(CUDA_VISIBLE_DEVICES='5,7')
    assert 'gpu 5,7' in (miniature.work_dir / 'a' / 'log.txt').read_text()


def run_and_die(miniature, suite):
    """Run the suite as a process of its own, which may be killed."""
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    try:
        miniature.run(**suite, jobs=2)
    except SuiteFailed:
        os._exit(1)
    os._exit(0)


def start_runner(miniature, suite):
    process = get_context('fork').Process(target=run_and_die, args=(miniature, suite))
    process.start()
    return process


def groups(work_dir: Path) -> list[int]:
    """Return the process groups of the tasks that run."""
    running = [path.parent for path in work_dir.glob('*/task.json') if is_in_use(path.parent)]
    notes = [json.loads((folder / 'task.json').read_text()).get('note') for folder in running]
    return [note['pid'] for note in notes if note]


def test_ten_kills_end_with_the_same_results(tmp_path, monkeypatch):
    monkeypatch.setenv('CUDA_VISIBLE_DEVICES', '')
    quiet, killed = Miniature(tmp_path / 'quiet'), Miniature(tmp_path / 'killed')
    quiet.run(**suite_of_eight(quiet), jobs=2)

    draw, suite, kills = random.Random(3), suite_of_eight(killed), 0
    while kills < 10:
        runner = start_runner(killed, suite)
        if not kills:  # on a busy machine, too, a task is killed that has something to resume from
            wait_for(lambda: list(killed.work_dir.glob('*/iter_*.pth')))
            for task in groups(killed.work_dir):
                os.kill(task, signal.SIGKILL)
        time.sleep(draw.uniform(0.1, 0.5))
        tasks = groups(killed.work_dir)
        if draw.random() < 0.5 or not tasks:
            runner.kill()
        else:
            os.kill(draw.choice(tasks), signal.SIGKILL)
        runner.join(30)
        assert runner.exitcode is not None
        kills += 1
    runner = start_runner(killed, suite)
    runner.join(60)
    assert runner.exitcode == 0
    assert without_times(killed.work_dir) == without_times(quiet.work_dir)
    assert any(event.startswith('resume') for event in killed.events)
    for seed in range(4):  # the same weights as in one go
        last = f'pre-{seed}/last.pth'
        assert (killed.work_dir / last).read_text() == (quiet.work_dir / last).read_text()


def test_a_killed_runner_leaves_a_task_that_the_next_one_waits_for(miniature):
    suite = suite_of_eight(miniature, sleep=0.1)
    suite['tasks'] = [suite['tasks'][0], suite['tasks'][4]]
    runner = start_runner(miniature, suite)
    wait_for(lambda: (miniature.work_dir / 'pre-0' / 'iter_1.pth').exists())
    runner.kill()
    runner.join()
    assert is_in_use(miniature.work_dir / 'pre-0')
    lines = miniature.run(**suite)
    assert 'pre-0 still runs' in lines[0] and 'pre-0 already done' in lines[1]
    assert [event for event in miniature.events if 'pre-0' in event] == ['start pre-0', 'end pre-0']
    assert miniature.read('pre-0/task.json')['seconds'] == 1.0


def test_a_full_disk_ends_in_one_line_and_the_same_command_continues(miniature, monkeypatch):
    suite, write = suite_of_eight(miniature), files.write_text_atomically

    def full(path, text):
        if 'pre-2' in str(path) and miniature.events:
            raise UserError(f'{path} cannot be written: No space left on device.')
        write(path, text)

    monkeypatch.setattr(files, 'write_text_atomically', full)
    with pytest.raises(UserError, match='No space left on device'):
        miniature.run(**suite, jobs=2)
    assert not groups(miniature.work_dir)
    monkeypatch.undo()
    monkeypatch.setenv('CUDA_VISIBLE_DEVICES', '')
    miniature.run(**suite, jobs=2)
    assert len(miniature.read('results.json')) == 4


@pytest.mark.slow
def test_submitit_gives_the_results_of_this_machine(tmp_path, monkeypatch):
    monkeypatch.setenv('CUDA_VISIBLE_DEVICES', '')
    here, cluster = Miniature(tmp_path / 'here'), Miniature(tmp_path / 'cluster')
    here.run(**suite_of_eight(here), jobs=2)
    monkeypatch.chdir(cluster.root)
    executor = SubmititExecutor(dict(cluster='local'), jobs=4)
    cluster.run(**suite_of_eight(cluster), executor=executor)
    records = [json.loads(without_times(m.work_dir)) for m in (here, cluster)]
    for record in (*records[0], *records[1]):
        record.pop('environment')
    assert records[0] == records[1]
    assert cluster.read('pre-1/task.json')['note']['job'].isdecimal()
    assert cluster.events.count('start pre-1') == 1


@pytest.mark.slow
def test_a_preempted_job_is_requeued_and_gives_the_same(tmp_path, monkeypatch):
    monkeypatch.setenv('CUDA_VISIBLE_DEVICES', '')
    quiet, preempted = Miniature(tmp_path / 'quiet'), Miniature(tmp_path / 'preempted')
    suite = suite_of_eight(quiet)
    suite['tasks'] = suite['tasks'][1::4]  # two processes
    quiet.run(**suite, jobs=2)

    suite_of_eight(preempted, sleep=0.2)
    monkeypatch.chdir(preempted.root)
    command = ('python', '-m', 'mmmask', 'train', 'configs/pretrain.py')
    runner = get_context('fork').Process(target=run_by_submitit, args=(preempted, suite))
    runner.start()
    folder = preempted.work_dir / 'pre-1'
    wait_for(lambda: (folder / 'iter_2.pth').exists())
    runner.kill()  # the job outlives its runner
    runner.join()
    job = preempted.read('pre-1/task.json')['note']['job']
    processes = Path(f'/proc/{job}/task/{job}/children').read_text().split()
    os.kill(int(processes[0]), signal.SIGUSR2)
    note = dict(job=job)
    seen = SubmititExecutor(dict(cluster='local')).attach(
        Job('pre-1', folder, preempted.root, command, note=note)
    )
    assert seen is not None and seen.poll() is None
    with pytest.raises(UserError, match=f'pre-1: it was started as job {job} of a cluster'):
        preempted.run(**suite, jobs=2)
    executor = SubmititExecutor(dict(cluster='local'))
    lines = preempted.run(**suite, executor=executor)
    assert 'pre-1 still runs' in lines[0]
    assert [event for event in preempted.events if 'pre-1' in event] == [
        'start pre-1', 'resume pre-1', 'end pre-1'
    ]  # fmt: skip
    assert without_times(preempted.work_dir) == without_times(quiet.work_dir).replace(
        '"environment": {"OMP_NUM_THREADS": "2"}', '"environment": {}'
    )


def run_by_submitit(miniature, suite):
    miniature.run(**suite, executor=SubmititExecutor(dict(cluster='local')))


@pytest.mark.slow
def test_a_failing_job_tells_its_error(miniature, monkeypatch):
    miniature.config('pretrain', broken=True)
    monkeypatch.chdir(miniature.root)
    with pytest.raises(SuiteFailed, match='pre failed: ValueError: the images are upside down'):
        miniature.run(
            [dict(name='pre', protocol='pretrain')],
            executor=SubmititExecutor(dict(cluster='local')),
        )


def test_options_of_a_cluster_are_checked(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match="--executor slurm: .*Unknown argument 'partion'"):
        SubmititExecutor(dict(cluster='local', partion='gpu'))
    monkeypatch.setenv('PATH', str(tmp_path))
    with pytest.raises(UserError, match='--executor slurm: .*srun'):
        SubmititExecutor({})


def test_what_slurm_is_asked_for(tmp_path, monkeypatch):
    tools = tmp_path / 'bin'
    tools.mkdir()
    for name, words in dict(srun='', sbatch='Submitted batch job 41').items():
        (tools / name).write_text(f'#!/bin/sh\necho {words}\n')
        (tools / name).chmod(0o755)
    monkeypatch.setenv('PATH', f'{tools}:/usr/bin:/bin')
    monkeypatch.chdir(tmp_path)
    executor = SubmititExecutor(dict(partition='gpu', account='me', mem_gb=64), jobs=1)
    command = ('python', '-m', 'mmmask', 'train', 'c.py', '--launcher', 'pytorch')
    sizes = dict(gpus=8, nodes=2, cpus=10, hours=1.5)
    running = executor.start(Job('pre', tmp_path / 'pre', tmp_path, command, **sizes))
    assert running.note == dict(job='41') and running.stays and not executor.has_room(1)
    executor.release(running)
    assert executor.has_room(8)
    (script,) = (tmp_path / 'pre' / 'jobs').glob('*.sh')
    lines = script.read_text().splitlines()
    asked = {line.removeprefix('#SBATCH --') for line in lines if line.startswith('#SBATCH')}
    assert asked >= {
        *('partition=gpu', 'account=me', 'mem=64GB', 'job-name=pre', 'time=90', 'nodes=2'),
        *('ntasks-per-node=4', 'gpus-per-node=4', 'cpus-per-task=10', 'signal=USR2@90'),
    }
    assert any(line.startswith('srun ') and '--kill-on-bad-exit=1' in line for line in lines)


def test_submitit_leaves_the_log_files_of_this_process_open(tmp_path):
    program = (
        'import logging, os, sys\n'
        'from mmmask.benchmark.executors import SubmititExecutor\n'
        'handler = logging.FileHandler(sys.argv[1])\n'
        "SubmititExecutor(dict(cluster='local'))\n"
        "print(handler.stream is not None, 'SUBMITIT_LOG_LEVEL' in os.environ)\n"
    )
    words = [sys.executable, '-c', program, str(tmp_path / 'log.txt')]
    here = {**os.environ, 'PYTHONPATH': str(Path(__file__).parents[2])}
    found = subprocess.run(words, stdout=subprocess.PIPE, text=True, cwd=tmp_path, env=here)
    assert found.stdout.split() == ['True', 'False']
