"""The wheel holds all that the command needs; it is used where no checkout can be imported."""

import json
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

import mmmask

ROOT = Path(mmmask.__file__).resolve().parents[1]
SOURCES = ('mmmask', 'configs', 'tools', 'setup.cfg', 'pyproject.toml', 'README.md', 'LICENSE')

pytestmark = pytest.mark.slow


@pytest.fixture(scope='module')
def wheel(tmp_path_factory) -> Path:
    """The wheel, built in a copy of the sources, without a network."""
    folder = tmp_path_factory.mktemp('wheel')
    for name in (*SOURCES, 'MANIFEST.in'):
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, folder / name, **(dict(symlinks=True) if copy is shutil.copytree else {}))
    options = [
        '--no-deps',
        '--no-build-isolation',
        '--no-index',
        '--wheel-dir',
        str(folder / 'out'),
    ]
    subprocess.run(
        [sys.executable, '-m', 'pip', 'wheel', '--quiet', *options, '.'], cwd=folder, check=True
    )
    (built,) = (folder / 'out').glob('*.whl')
    return built


@pytest.fixture(scope='module')
def run(wheel, tmp_path_factory) -> Callable[..., subprocess.CompletedProcess]:
    """Run Python on words in a folder of a user's, with the installed wheel before the checkout."""
    folder = tmp_path_factory.mktemp('user')
    target = folder / 'site'
    options = ['--quiet', '--no-deps', '--no-index', '--target', str(target)]
    subprocess.run([sys.executable, '-m', 'pip', 'install', *options, str(wheel)], check=True)
    environment = {**os.environ, 'PYTHONPATH': str(target), 'OMP_NUM_THREADS': '1'}

    def run_python(*words: str) -> subprocess.CompletedProcess:
        return subprocess.run(
            [sys.executable, *words], cwd=folder, env=environment, capture_output=True, text=True
        )

    run_python.folder = folder
    where = run_python('-c', 'import mmmask; print(mmmask.__file__)')
    assert where.stdout.strip() == str(target / 'mmmask' / '__init__.py')
    return run_python


def test_configs_tools_and_metadata_are_in_it(wheel):
    with zipfile.ZipFile(wheel) as file:
        names = set(file.namelist())
        metadata = file.read(f'mmmask-{mmmask.__version__}.dist-info/METADATA').decode()
    for source in ('configs', 'tools'):
        for path in (ROOT / source).rglob('*'):
            if path.is_file() and path.suffix in ('.py', '.sh'):
                assert f'mmmask/.mim/{path.relative_to(ROOT)}' in names
    assert {'mmmask/py.typed', 'mmmask/reports/report.html'} <= names
    assert not [name for name in names if name.startswith(('configs/', 'tools/', 'tests/'))]
    assert f'\nVersion: {mmmask.__version__}\n' in metadata


def test_the_citation_has_the_version():
    assert f'\nversion: {mmmask.__version__}\n' in (ROOT / 'CITATION.cff').read_text()


def test_the_demo_suite_runs_anywhere(run):
    planned = run('-m', 'mmmask', 'suite', 'mmmask::suites/demo.py', '--work-dir', 'w', '--dry-run')
    assert planned.returncode == 0, planned.stderr
    assert '-m mmmask train mmmask::demo/' in planned.stdout
    small = ['--cls-train', '2', '--cls-val', '1', '--scenes-train', '1', '--scenes-val', '1']
    made = run('-m', 'mmmask', 'prepare-demo', *small)
    assert made.returncode == 0, made.stderr
    config = '_base_ = "mmmask::demo/random-ibot_vit-demo_material-scenes.py"\n'
    config += 'train_dataloader = dict(batch_size=8)\ntrain_cfg = dict(max_epochs=1)\n'
    (run.folder / 'mine.py').write_text(config)
    trained = run('-m', 'mmmask', 'train', 'mine.py', '--work-dir', 'mine')
    assert trained.returncode == 0, trained.stderr
    result = json.loads((run.folder / 'mine' / 'result.json').read_text())
    assert (
        result['status'] == 'done' and result['command'] == 'mmmask train mine.py --work-dir mine'
    )
    assert 'commit' not in result['versions']


def test_each_tool_of_the_wheel_starts(run):
    tools = run.folder / 'site' / 'mmmask' / '.mim' / 'tools'
    for tool in ('train', 'test', 'benchmark'):
        assert 'usage: mmmask' in run(str(tools / f'{tool}.py'), '--help').stdout
    assert os.access(tools / 'dist_train.sh', os.X_OK)
