import time

from mmmask.launch.spawn import main, rank_variables, spawn

NOTE = (
    'import os, sys; from pathlib import Path; '
    'names = ("RANK", "WORLD_SIZE", "LOCAL_RANK", "MASTER_ADDR", "MASTER_PORT"); '
    'Path(sys.argv[1], os.environ["RANK"]).write_text(" ".join(os.environ[n] for n in names))'
)


def test_variables_of_a_rank():
    assert rank_variables(3, 8, 1, 'host', 29500) == dict(
        RANK='3', WORLD_SIZE='8', LOCAL_RANK='1', MASTER_ADDR='host', MASTER_PORT='29500'
    )


def test_processes_of_one_machine_share_a_free_port(tmp_path):
    assert spawn(2, ['-c', NOTE, str(tmp_path)], {}) == 0
    first, second = ((tmp_path / rank).read_text().split() for rank in '01')
    assert first[:4] == ['0', '2', '0', '127.0.0.1'] and second[:4] == ['1', '2', '1', '127.0.0.1']
    assert first[4] == second[4] and 20000 <= int(first[4]) < 32000


def test_processes_of_the_second_of_two_machines(tmp_path):
    several = dict(NNODES='2', NODE_RANK='1', MASTER_ADDR='first', PORT='1234')
    assert spawn(2, ['-c', NOTE, str(tmp_path)], several) == 0
    assert (tmp_path / '2').read_text() == '2 4 0 first 1234'
    assert (tmp_path / '3').read_text() == '3 4 1 first 1234'


def test_a_failure_ends_the_others(capfd):
    started = time.monotonic()
    rank = 'int(os.environ["RANK"])'
    failing = f'import os, sys, time; {rank} and sys.exit(3); time.sleep(60)'
    assert spawn(2, ['-c', failing], {}) == 1
    killed = f'import os, time; {rank} and os.kill(os.getpid(), 9); time.sleep(60)'
    assert spawn(2, ['-c', killed], {}) == 1
    assert time.monotonic() - started < 10
    assert capfd.readouterr().err == 'error: process 1 was ended by SIGKILL\n'


def test_wrong_numbers_of_processes(capsys):
    for words in ([], ['0'], ['two', '-c', '']):
        assert main(words) == 2
    assert capsys.readouterr().err.count('must be a positive number') == 3
