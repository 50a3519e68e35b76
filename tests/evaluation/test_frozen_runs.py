"""The commands measure and write frozen features: of our checkpoints and of foreign ones."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmpretrain.registry import DATASETS, MODELS
from safetensors.torch import load_file
from timm.models.vision_transformer import VisionTransformer
from torch import nn

from mmmask.commands.main import main
from mmmask.config.read import read_config
from mmmask.datasets.material_scenes import prepare
from mmmask.datasets.spec import MaterialScenesSpec

CONFIGS = Path(__file__).parents[2] / 'configs'
KNN = 'demo/knn_vit-demo_material-scenes'


def config(name):
    return read_config(str(CONFIGS / f'{name}.py'))


@pytest.fixture(autouse=True)
def quick_start(monkeypatch):
    monkeypatch.setattr('mmengine.runner.runner.collect_env', dict)


@pytest.fixture(scope='module')
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp('material_scenes')
    prepare(folder, MaterialScenesSpec(cls_train=5, cls_val=3), trees=('cls',))
    return folder / 'cls'


@pytest.fixture(scope='module')
def networks():
    """A network of ours and one of timm's, with different weights."""
    torch.manual_seed(0)
    ours = MODELS.build(config(KNN).model.backbone)
    ours.init_weights()
    options = dict(img_size=32, patch_size=8, embed_dim=64, depth=3, num_heads=2, num_classes=0)
    return ours, VisionTransformer(**options).eval()


@pytest.fixture(scope='module')
def checkpoints(networks, tmp_path_factory):
    """A file with a teacher and a student, and one as timm writes it."""
    folder = tmp_path_factory.mktemp('checkpoints')
    student = networks[0].state_dict()
    weights = {f'backbone.{name}': value for name, value in student.items()}
    weights |= {f'teacher.backbone.{name}': value * 0.5 for name, value in student.items()}
    torch.save(dict(state_dict=weights), folder / 'ours.pth')
    torch.save(networks[1].state_dict(), folder / 'timm.pth')
    return folder


@pytest.fixture
def run(data, tmp_path, monkeypatch):
    """Run a command on a config of the demo, with the small data; give its exit status."""

    def run(command, name, *words, options=()):
        cfg = config(name)
        for loader in (cfg.test_dataloader, cfg.test_cfg.bank_dataloader):
            loader.dataset.data_root = str(data)
        path = tmp_path / f'{name.partition("/")[2]}.py'
        Config(cfg.to_dict()).dump(path)
        words = [command, path, *words, '--work-dir', tmp_path / 'run']
        return main([*map(str, words), *(['--cfg-options', *options] if options else [])])

    return run


def check_outcomes(folder):
    """Every accuracy is the mean of its images, whose values are means over at most 3 draws."""
    metrics = json.loads((folder / 'result.json').read_text())['metrics']
    outcomes = load_file(folder / 'outcomes.safetensors')
    assert set(outcomes) == {n for n in metrics if '/top' in n and not n.endswith('_std')}
    for name, images in outcomes.items():
        assert float(images.mean()) == pytest.approx(metrics[name])
        assert len(np.unique(images)) <= 4


@pytest.mark.parametrize('checkpoint', ['ours.pth', 'timm.pth'])
def test_few_shots_from_any_checkpoint(run, checkpoints, tmp_path, checkpoint):
    few = 'demo/knn-fewshot_vit-demo_material-scenes'
    options = ['test_cfg.shots=[1,5]', 'test_cfg.draws=3']
    assert run('test', few, checkpoints / checkpoint, options=options) == 0
    result = json.loads((tmp_path / 'run/result.json').read_text())
    metrics = result['metrics']
    assert set(metrics) == {
        f'knn/top{top}_k10_{shots}shot{std}'
        for top in (1, 5)
        for shots in (1, 5)
        for std in ('', '_std')
    }
    assert metrics['knn/top1_k10_5shot'] > 100 / 12
    check_outcomes(tmp_path / 'run')
    assert result['protocol'] == dict(
        **dict(k=10, temperature=0.07, bank=60, token='cls', layer=-1, n_blocks=1),
        **dict(shots=[1, 5], draws=3, seed=0),
    )


def test_more_shots_than_images_are_one_line(run, capsys):
    few = 'demo/knn-fewshot_vit-demo_material-scenes'
    assert run('test', few, 'none') == 1
    assert 'class 0 has 5 images, fewer than 20 shots' in capsys.readouterr().err


@pytest.mark.parametrize('checkpoint', ['ours.pth', 'timm.pth'])
def test_ridge_from_any_checkpoint(run, checkpoints, tmp_path, checkpoint, capsys):
    ridge = 'demo/ridge_vit-demo_material-scenes'
    options = ['test_cfg.shots=[2,5]', 'test_cfg.draws=2']
    assert run('test', ridge, checkpoints / checkpoint, options=options) == 0
    result = json.loads((tmp_path / 'run/result.json').read_text())
    names = ('top1', 'top5', 'log10_penalty')
    assert set(result['metrics']) == {
        f'ridge/{name}_{shots}shot{std}'
        for name in names
        for shots in (2, 5)
        for std in ('', '_std')
    }
    assert result['metrics']['ridge/top1_5shot'] > 100 / 12
    assert result['metrics']['ridge/top5_5shot'] > 500 / 12
    check_outcomes(tmp_path / 'run')
    assert result['protocol']['penalty'] == 'loo' and result['protocol']['draws'] == 2
    for options, error in (
        (['test_cfg.penalty=-1.0'], "penalty must be 'loo' or a number above 0"),
        (['test_cfg.shots=[6]'], 'class 0 has 5 images, fewer than 6 shots'),
        (['test_cfg.token=patches'], "token='gap' is the mean"),
    ):
        assert run('test', ridge, 'none', options=options) == 1
        assert error in capsys.readouterr().err


@pytest.mark.parametrize('source', ['auto', 'teacher', 'student', 'timm'])
def test_embed_writes_what_the_network_computes(run, networks, checkpoints, data, tmp_path, source):
    out, foreign = tmp_path / 'out' / 'features.safetensors', source == 'timm'
    words = [checkpoints / ('timm.pth' if foreign else 'ours.pth'), '--out', out]
    words += [] if foreign else ['--source', source]
    assert run('embed', KNN, *words) == 0
    written, names = load_file(out), out.with_suffix('.txt').read_text().splitlines()
    assert written['labels'].tolist() == [i // 3 for i in range(36)]
    assert names == sorted(map(str, (data / 'val').glob('*/*.jpg')))

    cfg = config(KNN)
    cfg.test_dataloader.dataset.data_root = str(data)
    images = [sample['inputs'] for sample in DATASETS.build(cfg.test_dataloader.dataset)]
    preprocessor = cfg.model.data_preprocessor
    mean, std = (torch.tensor(preprocessor[key])[:, None, None] for key in ('mean', 'std'))
    pixels = (torch.stack(images).flip(1).float() - mean) / std
    ours, timm = networks
    if foreign:
        expected = timm.forward_features(pixels)[:, 0]
    else:
        network = MODELS.build(cfg.model.backbone)
        share = 1.0 if source == 'student' else 0.5
        network.load_state_dict({k: v * share for k, v in ours.state_dict().items()})
        nn.Module.train(network, False)
        expected = network(pixels)[-1][:, 0]
    torch.testing.assert_close(written['features'], expected.detach(), rtol=1e-4, atol=1e-5)


def test_embed_replaces_no_file(run, tmp_path, capsys):
    for name in ('a.safetensors', 'a.txt'):
        (tmp_path / name).write_text('mine')
        assert run('embed', KNN, 'none', '--out', tmp_path / 'a.safetensors') == 1
        assert f"error: '{tmp_path / name}' exists already: remove it" in capsys.readouterr().err
        (tmp_path / name).unlink()
    assert run('embed', KNN, 'none', '--out', tmp_path / 'a.pth') == 1
    assert 'must end in .safetensors' in capsys.readouterr().err


@pytest.mark.parametrize('checkpoint', ['ours.pth', 'timm.pth'])
def test_a_linear_classifier_on_kept_features(run, checkpoints, tmp_path, checkpoint, capsys):
    linear = 'demo/linear-fit_vit-demo_material-scenes'
    assert run('test', linear, checkpoints / checkpoint) == 0
    result = json.loads((tmp_path / 'run/result.json').read_text())
    assert set(result['metrics']) == {'linear/top1', 'linear/top5'}
    assert result['metrics']['linear/top1'] > 100 / 12
    check_outcomes(tmp_path / 'run')
    assert result['protocol']['epochs'] == 50 and result['protocol']['flip'] is True
    kept = {path: path.stat().st_mtime_ns for path in (tmp_path / 'features').iterdir()}
    assert len(kept) == 2  # training images with their mirror images, test images
    assert run('test', linear, checkpoints / checkpoint) == 0
    assert kept == {path: path.stat().st_mtime_ns for path in (tmp_path / 'features').iterdir()}
    assert result['metrics'] == json.loads((tmp_path / 'run/result.json').read_text())['metrics']
    for options, error in (
        (['test_cfg.epochs=0'], 'epochs, lr and batch_size must be positive'),
        (['test_cfg.token=patches'], "token='gap' is the mean"),
    ):
        assert run('test', linear, 'none', options=options) == 1
        assert error in capsys.readouterr().err
