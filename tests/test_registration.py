"""Registration: what a config's ``custom_imports`` must give, in any process."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import mmmask

ROOT = Path(mmmask.__file__).parent
MM = {'mmcv', 'mmengine', 'mmpretrain', 'mmdet', 'mmseg'}

CONFIG = """
custom_imports = dict(imports=['mmmask.registration'], allow_failed_imports=False)
default_scope = 'mmpretrain'
masker = dict(type='RandomMasker', ratio=0.5)
dataset = dict(
    type='StrictImageFolder',
    data_root={root!r},
    pipeline=[
        dict(type='LoadImageStrict'),
        dict(type='ResizeEdge', scale=16),
        dict(type='CenterCrop', crop_size=16),
        dict(type='PackInputs'),
    ],
)
"""
PROGRAM = """
import sys
from mmengine.config import Config
from mmengine.registry import DATASETS, MODELS, WEIGHT_INITIALIZERS, init_default_scope
from torch.utils.data import DataLoader

if __name__ == '__main__':
    config = Config.fromfile(sys.argv[1])
    init_default_scope(config.default_scope)
    print(MODELS.build(config.masker)((4, 4), 1).sum().item())
    for start in ('fork', 'spawn'):
        loader = DataLoader(DATASETS.build(config.dataset), num_workers=1, collate_fn=list,
                            multiprocessing_context=start)
        print(tuple(next(iter(loader))[0]['inputs'].shape))
    print(WEIGHT_INITIALIZERS.get('Pretrained').__module__)
"""


def test_importing_the_package_loads_nothing():
    code = "import mmmask, sys; assert mmmask.__version__ and 'torch' not in sys.modules"
    assert subprocess.run([sys.executable, '-c', code]).returncode == 0


def test_a_config_registers_all_parts_in_programs_of_the_mm_packages(tmp_path, tiny_data):
    """Also in workers of data loaders, which are copies (as by default) or new processes."""
    (tmp_path / 'program.py').write_text(PROGRAM)
    (tmp_path / 'config.py').write_text(CONFIG.format(root=str(tiny_data / 'train')))
    command = [sys.executable, str(tmp_path / 'program.py'), str(tmp_path / 'config.py')]
    environment = {**os.environ, 'PYTHONPATH': str(ROOT.parent)}
    ran = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert ran.returncode == 0, ran.stderr
    shape = '(3, 16, 16)'
    said = [line for line in ran.stdout.splitlines() if ' - mmengine - ' not in line]
    assert said[:2] == ['8', shape] and said[-2:] == [shape, 'mmmask.transfer.initialiser']


def test_rooms_that_import_mm_packages_import_compat_first():
    for room in {path.relative_to(ROOT).parts[0] for path in ROOT.glob('*/**/*.py')}:
        uses = any(_imports(path) & MM for path in (ROOT / room).rglob('*.py'))
        below = {'config', 'models', 'transfer', 'engine', 'evaluation'}
        if uses and room in below:
            assert 'mmmask.compat' in (ROOT / room / '__init__.py').read_text(), room


def _imports(path: Path) -> set[str]:
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name.split('.')[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module.split('.')[0])
    return names
