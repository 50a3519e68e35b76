"""A folder with configs and a suite; its module ``mmmask`` is a stub that notes its calls."""

import json
import textwrap
from pathlib import Path

import pytest

import mmmask
from mmmask.benchmark import executors, identity
from mmmask.benchmark.executors import LocalExecutor
from mmmask.benchmark.process import Child, make_slots
from mmmask.benchmark.runner import SuiteRunner
from mmmask.benchmark.suite import load_suite

STUB = """
import hashlib, json, os, runpy, signal, sys, time
from pathlib import Path

train = sys.argv[1] == 'train'
argv = sys.argv[2:]
config = runpy.run_path(argv[0])
folder = Path(argv[argv.index('--work-dir') + 1])
seed = int(argv[argv.index('--seed') + 1])
options = argv[argv.index('--cfg-options') + 1:] if '--cfg-options' in argv else []
options = [o for o in options if not o.startswith('--')]
events = Path('events.txt')


def write(path, text):
    part = path.with_name(f'.{path.name}.{os.getpid()}')
    part.write_text(text)
    os.replace(part, path)


def number_of(text):
    return hashlib.sha256(text.encode()).hexdigest()


def note(event):
    with events.open('a') as file:
        file.write(f'{event} {folder.name}\\n')


if os.environ.get('RANK', '0') != '0':
    time.sleep(config.get('steps', 0) * config.get('sleep', 0))
    sys.exit(config.get('breaks_rank', 0))

note('resume' if '--resume' in argv else 'start')
print('threads', os.environ.get('OMP_NUM_THREADS'), 'gpu', os.environ.get('CUDA_VISIBLE_DEVICES'))
if config.get('broken'):
    print('Traceback (most recent call last):')
    print('ValueError: the images are upside down')
    print('some farewell')
    sys.exit(3)
value, done, last = f"{config.get('weights', 'w')}-{seed}", 0, folder / 'last_checkpoint'
if 'steps' in config and train:
    if '--resume' in argv and last.exists():
        done, value = json.loads(Path(last.read_text()).read_text())
    for step in range(done + 1, config['steps'] + 1):
        time.sleep(config['sleep'])
        value = number_of(value)
        write(folder / f'iter_{step}.pth', json.dumps([step, value]))
        write(last, str(folder / f'iter_{step}.pth'))
elif train:
    (folder / 'iter_1.pth').write_text('half')
    (folder / 'last_checkpoint').write_text(str(folder / 'iter_1.pth'))
if config.get('dies') and '--resume' not in argv:
    os.kill(os.getpid(), signal.SIGKILL)
if 'steps' not in config:
    time.sleep(config.get('sleep', 0))
checkpoint = argv[1] if not train else next(
    (o.split('=', 1)[1] for o in options if o.startswith('model.backbone.init_cfg')), None)
accuracy = 50.0 + seed + 10 * (checkpoint not in (None, 'none'))
if config.get('reads') and checkpoint != 'none':  # of the content of the checkpoint
    accuracy = int(number_of(Path(checkpoint).read_text())[:6], 16) / 1e5
result = dict(
    status='done', config=argv[0], seed=seed, command=' '.join(['mmmask', *sys.argv[1:]]),
    metrics={'accuracy/top1': accuracy, 'loss': 0.5},
    checkpoint=None if checkpoint in ('none', 'None') else checkpoint, checkpoint_sha256=None,
    output_checkpoint=None, versions=dict(python='3.x'), started='2026-01-01T00:00:00',
    duration_s=1.0)
if train:
    write(folder / 'last.pth', value)
    result['output_checkpoint'] = str(folder / 'last.pth')
write(folder / 'result.json', json.dumps(result))
note('end')
"""


PROTOCOLS = dict(
    pretrain=dict(run='train', config='configs/pretrain.py'),
    knn=dict(
        run='test',
        config='configs/knn.py',
        title='k-NN',
        metrics={'accuracy/top1': 'top-1'},
        values={'k': 'k'},
        baseline='untrained',
    ),
)


class Miniature:
    """The folder: writes configs and suites, reads events."""

    protocols = PROTOCOLS

    def __init__(self, root: Path) -> None:
        self.root = root
        self.work_dir = root / 'out'
        # The current folder comes first for `python -m mmmask`; the stub has the real modules.
        self.write('mmmask/__main__.py', STUB)
        self.write('mmmask/__init__.py', f'__path__.append({mmmask.__path__[0]!r})\n')
        self.write('prepare.py', "import pathlib\npathlib.Path('data.txt').write_text('data')\n")
        self.config('pretrain')
        self.config('knn')

    def write(self, path: str, text: str) -> Path:
        target = self.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(textwrap.dedent(text))
        return target

    def config(self, name: str, **values) -> None:
        values = {'k': 20, 'train_cfg': dict(max_iters=10), **values}
        self.write(f'configs/{name}.py', '\n'.join(f'{k} = {v!r}' for k, v in values.items()))

    def suite(self, tasks: list, protocols: dict | None = None, **values) -> Path:
        values = dict(
            protocols=self.protocols if protocols is None else protocols, tasks=tasks, **values
        )
        return self.write('suite.py', '\n'.join(f'{k} = {v!r}' for k, v in values.items()))

    def run(
        self,
        tasks: list,
        jobs=1,
        only=(),
        keep_going=False,
        protocols=None,
        executor=None,
        **values,
    ) -> list:
        """Write a suite and run it; gives the lines of progress."""
        identity._resolve.cache_clear()
        lines = []
        suite = load_suite(self.suite(tasks, protocols, **values), self.root)
        executor = executor or LocalExecutor(make_slots(jobs, 4, []))
        SuiteRunner(suite, self.work_dir, executor, keep_going, say=lines.append).run(only)
        return lines

    @property
    def events(self) -> list[str]:
        path = self.root / 'events.txt'
        return path.read_text().splitlines() if path.exists() else []

    def forget(self) -> None:
        (self.root / 'events.txt').unlink(missing_ok=True)

    def read(self, path: str):
        return json.loads((self.work_dir / path).read_text())


@pytest.fixture
def miniature(tmp_path, monkeypatch):
    monkeypatch.setenv('CUDA_VISIBLE_DEVICES', '')
    monkeypatch.setattr(executors, 'Fork', Child)  # a fork has the real mmmask
    monkeypatch.setattr(executors, 'start_forks', lambda environment: None)
    return Miniature(tmp_path)
