"""Health of features as a test loop: each value from the features themselves."""

import json
import math

import numpy as np
import pytest
import timm
import torch
from mmengine.config import Config
from mmengine.runner import Runner
from tiny_network import checkpoint, config  # noqa: F401
from two_ranks import on_two_ranks

from mmmask.utils.errors import UserError

DEMO = 'configs/demo/health_vit-demo_material-scenes.py'
TINY = 'model.backbone.arch=dict(embed_dims=8,num_layers=2,num_heads=2,feedforward_channels=16)'


@pytest.fixture(autouse=True)
def quick_start(monkeypatch):
    """Runners without the seconds that it takes to ask compilers for their versions."""
    monkeypatch.setattr('mmengine.runner.runner.collect_env', dict)


def runner(tiny_data, work_dir, **test_cfg):
    cfg = Config.fromfile(DEMO)
    cfg.model.backbone.arch = dict(embed_dims=8, num_layers=1, num_heads=2, feedforward_channels=16)
    cfg.test_dataloader.batch_size = 5
    cfg.test_dataloader.dataset.data_root = str(tiny_data)
    cfg.test_cfg.update(features_dir=None, **test_cfg)
    cfg.update(work_dir=str(work_dir), experiment_name=f'{work_dir.parent.name}-{work_dir.name}')
    cfg.randomness = dict(seed=0)
    built = Runner.from_cfg(cfg)
    built._init_model_weights()
    return built


def test_values_of_twelve_images(tiny_data, tmp_path):
    built = runner(tiny_data, tmp_path)
    metrics = built.test()
    features, _ = built.test_loop.vectors(built.test_loop.dataloader, 'test')
    rows = features.double().numpy()
    lengths = [math.sqrt(sum(value**2 for value in row)) for row in rows]
    mean = sum(lengths) / 12
    assert metrics['health/norm_mean'] == pytest.approx(mean)
    spread = math.sqrt(sum((length - mean) ** 2 for length in lengths) / 12)
    assert metrics['health/norm_std'] == pytest.approx(spread, abs=1e-6)
    cosines = [
        float(rows[i] @ rows[j]) / lengths[i] / lengths[j]
        for i in range(12)
        for j in range(12)
        if i != j
    ]
    assert metrics['health/mean_cosine'] == pytest.approx(sum(cosines) / len(cosines))
    sigmas = np.linalg.svd(rows, compute_uv=False)
    shares = sigmas / sigmas.sum()
    rank = math.exp(-(shares * np.log(shares)).sum())
    assert metrics['health/effective_rank'] == pytest.approx(rank)
    assert 0 < metrics['health/attention_entropy'] <= math.log(16)  # 4 x 4 patches
    assert {'health/nmi', 'health/ari'} < set(metrics)
    values = built.test_loop.values()
    assert (values['images'], values['width']) == (12, 8)
    assert values['uniform_attention_entropy'] == round(math.log(16), 4)


def test_parts_may_be_left_out(tiny_data, tmp_path):
    built = runner(tiny_data, tmp_path, clusters=0, attention_images=0, max_images=2)
    assert set(built.test()) == {
        f'health/{name}' for name in ('effective_rank', 'norm_mean', 'norm_std', 'mean_cosine')
    }
    assert built.test_loop.values()['images'] == 2
    with pytest.raises(UserError, match='two images at least'):
        runner(tiny_data, tmp_path / 'one', max_images=1).test()
    with pytest.raises(UserError, match='no 13 clusters of 12 images'):
        runner(tiny_data, tmp_path / 'many', clusters=13).test()


def test_two_ranks_measure_what_one_measures(tiny_data, tmp_path):
    alone = runner(tiny_data, tmp_path / 'one').test()
    folders = [tmp_path / 'first', tmp_path / 'second']
    for metrics in on_two_ranks(lambda rank: runner(tiny_data, folders[rank]).test()):
        assert metrics == pytest.approx(alone, rel=1e-5)


@pytest.mark.parametrize('foreign', [False, True])
def test_checkpoints_of_ours_and_of_others(checkpoint, tiny_data, tmp_path, run_test, foreign):  # noqa: F811
    if foreign:
        shape = dict(embed_dim=8, depth=2, num_heads=2, patch_size=8, img_size=32, mlp_ratio=2)
        model = timm.create_model('vit_tiny_patch16_224', **shape)
        torch.save(model.state_dict(), tmp_path / 'timm.pth')
    file = tmp_path / 'timm.pth' if foreign else checkpoint
    options = [f'test_dataloader.dataset.data_root={tiny_data}/', TINY]
    work_dir = ['--work-dir', str(tmp_path / 'out')]
    assert run_test([DEMO, str(file), *work_dir, '--cfg-options', *options]) == 0
    result = json.loads((tmp_path / 'out/result.json').read_text())
    assert 1 <= result['metrics']['health/effective_rank'] <= 8
    assert result['protocol']['token'] == 'cls'
