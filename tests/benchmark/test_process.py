import sys
from pathlib import Path

import mmmask
from mmmask.benchmark.process import Child


def test_a_child_in_any_folder_runs_this_code(tmp_path):
    (tmp_path / 'mmmask').mkdir()  # as in the folder above a clone
    command = [sys.executable, '-c', 'import mmmask; print(mmmask.__file__)']
    child = Child(command, tmp_path / 'log.txt', tmp_path, {})
    assert child.wait() == 0
    imported = Path((tmp_path / 'log.txt').read_text().strip())
    assert imported.samefile(mmmask.__file__)
