import pytest

from mmmask.benchmark import identity
from mmmask.commands.main import run_command

TASKS = [
    dict(name='pre', protocol='pretrain'),
    dict(name='none', protocol='knn', weights='none', arm='untrained'),
    dict(name='knn', protocol='knn', weights='pre', arm='trained'),
]


@pytest.fixture
def command(miniature, monkeypatch, capfd):
    def run(*arguments):
        monkeypatch.chdir(miniature.root)
        identity._resolve.cache_clear()
        status = run_command('suite', ['suite.py', '--work-dir', 'out', *arguments])
        return status, *capfd.readouterr()

    return run


def test_a_suite_runs_in_the_current_folder(miniature, command):
    miniature.suite(TASKS)
    status, out, err = command('--jobs', '1')
    assert status == 0 and err == ''
    assert '[3/3] knn done' in out and 'report: ' in out.splitlines()[-1]
    assert (miniature.work_dir / 'report' / 'index.html').is_file()
    assert len(miniature.read('results.json')) == 2
    table = (miniature.work_dir / 'table.md').read_text()
    assert table in out and '| untrained |' in table and '| trained |' in table

    (miniature.work_dir / 'report' / 'index.html').unlink()
    (miniature.work_dir / 'results.json').unlink()
    miniature.forget()
    assert command('--report-only')[0] == 0
    assert len(miniature.read('results.json')) == 2 and miniature.events == []
    assert (miniature.work_dir / 'report' / 'index.html').is_file()


def test_a_dry_run_runs_nothing(miniature, command):
    miniature.suite(TASKS, prepare=dict(command=['prepare.py'], data=['data.txt']))
    status, out, err = command('--dry-run')
    assert err == ''
    assert status == 0 and miniature.events == [] and not (miniature.root / 'data.txt').exists()
    lines = out.splitlines()
    assert lines[0].split() == ['task', 'to', 'do', 'needs', 'data', 'weights', 'time']
    rows = [line.split('  ') for line in lines[1:4]]
    assert [[word.strip() for word in row if word] for row in rows] == [
        ['pre', 'run', '1 process', 'there', '-', '?'],
        ['none', 'run', '1 process', 'there', 'none', '?'],
        ['knn', 'run, after pre', '1 process', 'there', 'pre', '?'],
    ]
    assert '-m mmmask train configs/pretrain.py --work-dir out/pre --seed 0' in out


def test_mistakes_are_one_line(miniature, command):
    miniature.suite([dict(TASKS[0], protocol='pretrian')])
    status, out, err = command()
    assert status == 1 and out == '' and err.count('\n') == 1
    assert err.startswith(
        "error: task 'pre': no such protocol: 'pretrian'; did you mean 'pretrain'?"
    )
    miniature.suite(TASKS)
    assert "error: no such task: 'kn'" in command('--only', 'kn')[2]
    assert 'error: --jobs must be at least 1, got 0' in command('--jobs', '0')[2]


def test_failures_give_status_1_and_a_report_with_keep_going(miniature, command):
    miniature.config('pretrain', broken=True)
    miniature.suite(TASKS)
    status, _, err = command('--jobs', '1')
    assert status == 1 and 'error: pre failed: ValueError: the images are upside down (log: ' in err
    assert not (miniature.work_dir / 'report').exists()
    status, _, err = command('--jobs', '1', '--keep-going')
    assert status == 1 and 'pre failed (and 1 more)' in err
    assert 'FAILED' in (miniature.work_dir / 'report' / 'index.html').read_text()
