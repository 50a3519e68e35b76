"""The protocols of frozen features in two processes, from the command line: the same numbers."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from frozen_checkpoints import CONFIGS, write_foreign, write_ours

from mmmask.commands.main import main
from mmmask.datasets.material_scenes import prepare
from mmmask.datasets.miniatures import write_miniature
from mmmask.datasets.spec import MaterialScenesSpec

ROOT = CONFIGS.parent
FEW = ['test_cfg.shots=[1,2]', 'test_cfg.draws=2']
TESTED = {
    'knn_vit-demo_material-scenes': [],
    'knn-fewshot_vit-demo_material-scenes': FEW,
    'ridge_vit-demo_material-scenes': FEW,
    'linear-fit_vit-demo_material-scenes': ['test_cfg.epochs=3'],
    'health_vit-demo_material-scenes': ['test_cfg.max_images=20'],
    'knn-seg_vit-demo_material-scenes': ['test_dataloader.batch_size=2'],
    'objects_vit-demo_material-scenes': ['test_dataloader.batch_size=2'],
    'davis_vit-demo_miniature': ['test_cfg.size=48'],
    'recall_vit-demo_cub200': [],
    'revisited_vit-demo_roxford5k': [],
}
ONE_EPOCH = ['train_cfg.max_epochs=1', 'train_cfg.val_interval=1', 'train_dataloader.batch_size=12']
TRAINED = {
    'attentive-ep_vit-demo_material-scenes': ONE_EPOCH,
    'linear-seg_vit-demo_material-scenes': [
        *('train_cfg.max_iters=2', 'train_cfg.val_interval=2', 'train_dataloader.batch_size=2'),
    ],
}


@pytest.fixture(scope='module')
def place(tmp_path_factory):
    """A folder with the data where the configs look, and a checkpoint."""
    folder = tmp_path_factory.mktemp('place')
    spec = MaterialScenesSpec(cls_train=3, cls_val=2, scenes_train=3, scenes_val=3, scene_size=64)
    prepare(folder / 'data/material_scenes', spec)
    for layout in ('davis2017', 'cub200', 'roxford5k', 'imagenet9'):
        write_miniature(layout, folder / 'data/miniature' / layout)
    write_ours(folder)
    write_foreign(folder)
    return folder


@pytest.fixture(autouse=True)
def there(place, monkeypatch):
    monkeypatch.chdir(place)
    monkeypatch.setattr('mmengine.runner.runner.collect_env', dict)
    monkeypatch.setattr('yapf.yapflib.yapf_api.FormatCode', lambda text, **_: (text, False))


def result(work_dir):
    return json.loads(Path(work_dir, 'result.json').read_text())


def in_two_processes(command, *words):
    """Run a command in two processes, and return what they print."""
    words = [*words, '--launcher', 'pytorch']
    ran = subprocess.run(
        [sys.executable, '-m', 'mmmask.launch.spawn', '2', '-m', 'mmmask', command, *words],
        env={**os.environ, 'PYTHONPATH': str(ROOT), 'CUDA_VISIBLE_DEVICES': ''},
        **dict(capture_output=True, text=True, check=False),
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout


def assert_two_measure_what_one_measures(name, checkpoint, options, run_test):
    config, options = str(CONFIGS / f'demo/{name}.py'), ['--cfg-options', *options]
    options = options if len(options) > 1 else []
    # Features of their own, so that both compute.
    assert run_test([config, checkpoint, '--work-dir', f'one/{name}', *options]) == 0
    in_two_processes('test', config, checkpoint, '--work-dir', f'two/{name}', *options)
    one, two = result(f'one/{name}'), result(f'two/{name}')
    assert one['metrics'] and two['metrics'] == pytest.approx(one['metrics'], nan_ok=True)
    assert one.get('protocol') == two.get('protocol')


@pytest.mark.slow
@pytest.mark.parametrize('name', TESTED)
def test_two_processes_measure_what_one_measures(name, run_test):
    assert_two_measure_what_one_measures(name, 'ours.pth', TESTED[name], run_test)


def fit(run_train, name, start, options):
    """Fit a probe and return its checkpoint."""
    words = [str(CONFIGS / f'demo/{name}.py'), '--work-dir', f'fitted/{name}', '--cfg-options']
    assert run_train([*words, f'model.backbone.init_cfg.checkpoint={start}', *options]) == 0
    (checkpoint,) = Path('fitted', name).glob('*_[12].pth')
    return str(checkpoint)


@pytest.mark.slow
@pytest.mark.parametrize('name', TRAINED)
def test_two_processes_test_a_probe_as_one_does(name, run_test, run_train):
    checkpoint = fit(run_train, name, 'ours.pth', TRAINED[name])
    assert_two_measure_what_one_measures(name, checkpoint, [], run_test)


@pytest.mark.slow
def test_a_probe_of_a_foreign_network_on_other_images(run_test, run_train):
    """Linear layers on timm's network, on ImageNet-9's sets, masked and corrupted images."""
    checkpoint = fit(run_train, 'linear_vit-demo_material-scenes', 'timm.pth', ONE_EPOCH)
    name = 'robustness_vit-demo_material-scenes'
    reference = 'test_cfg.sets.masked.reference.init_cfg.checkpoint=timm.pth'
    assert_two_measure_what_one_measures(name, checkpoint, [reference], run_test)
    metrics = result(f'one/{name}')['metrics']
    assert {f'robustness/{kind}_top1' for kind in ('clean', 'mixed_rand', 'masked_70')} <= {
        *metrics
    }
    assert {'robustness/bg_gap', 'robustness/corrupted_mean_top1'} <= {*metrics}


@pytest.mark.slow
def test_health_in_pre_training_is_the_same_and_warned_of_once(tmp_path):
    """An untrained network's values; the rate and the batch differ afterwards."""
    Path('health.py').write_text(
        f"_base_ = '{CONFIGS}/demo/ibot_vit-demo_material-scenes.py'\n"
        "custom_hooks = [dict(type='FeatureHealthHook', max_cosine=-1.0)]\n"
        'default_hooks = dict(knn=dict(interval=1, k=5, bank_dataloader=dict(batch_size=10)))\n'
    )
    options = ['train_cfg.max_epochs=2', 'train_dataloader.batch_size=9']
    words = ['health.py', '--seed', '0', '--work-dir']
    assert main(['train', *words, 'one/health', '--cfg-options', *options]) == 0
    said = in_two_processes('train', *words, 'two/health', '--cfg-options', *options)
    found = [
        {name: value for name, value in result(folder)['metrics'].items() if 'untrained' in name}
        for folder in ('one/health', 'two/health')
    ]
    names = ('effective_rank', 'norm_mean', 'norm_std', 'mean_cosine', 'attention_entropy')
    assert {f'health/untrained_{name}' for name in names} <= set(found[0])
    assert found[1] == pytest.approx(found[0])
    assert said.count('features have collapsed in epoch 1') == 1
    assert said.count('features have collapsed') == 1
