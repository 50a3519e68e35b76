"""The frozen protocols' configs say what the papers say."""

from pathlib import Path

import pytest
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmpretrain.registry import MODELS

from mmmask.evaluation.sweep_optimizer import SweepOptimWrapperConstructor

CONFIGS = Path(__file__).parents[2] / 'configs'
KNN = ('frozen/knn_vit-small-p16_in1k.py', 'demo/knn_vit-demo_material-scenes.py')
LINEAR = ('frozen/linear_vit-small-p16_in1k.py', 'demo/linear_vit-demo_material-scenes.py')

#: Learning rate at a batch of 1024, and the width of the features.
PROBES = {
    'linear_vit-small-p16_in1k': (0.003 * 1024 / 256, 4 * 384),  # AttMask, Appendix B
    'linear-dino_vit-small-p16_in1k': (0.001 * 1024 / 256, 4 * 384),  # DINO's code
    'linear-mst_vit-small-p16_in1k': (0.00024, 384),  # MST, Appendix 5
    'linear_swin-tiny_in1k': (0.00024, 768),
}


def build(cfg):
    init_default_scope('mmpretrain')
    cfg.model.backbone.init_cfg = None
    return MODELS.build(cfg.model)


@pytest.mark.parametrize('name', KNN)
def test_knn(name):
    cfg = Config.fromfile(CONFIGS / name)
    queries, bank = cfg.test_dataloader, cfg.test_cfg.bank_dataloader
    assert bank.dataset.data_prefix == 'train' and queries.dataset.data_prefix == 'val'
    assert bank.dataset.pipeline == queries.dataset.pipeline  # no augmentation
    assert bank.dataset.test_mode and not bank.sampler.shuffle
    assert (cfg.test_cfg.temperature, cfg.test_cfg.feature) == (0.07, 'cls')
    assert cfg.get('train_dataloader') is None and cfg.get('val_dataloader') is None
    assert all(key.startswith('backbone.') for key in build(cfg).state_dict())


def test_the_bank_of_the_published_option_for_20_percent():
    cfg = Config.fromfile(CONFIGS / 'frozen/knn-20pct_vit-small-p16_in1k.py')
    assert cfg.test_cfg.bank_dataloader.dataset.max_per_class == 1300 * 20 // 100
    assert 'max_per_class' not in cfg.test_dataloader.dataset
    cfg.test_cfg.bank_dataloader.dataset.pop('max_per_class')
    whole = Config.fromfile(CONFIGS / 'frozen/knn_vit-small-p16_in1k.py')
    assert cfg.test_cfg == whole.test_cfg


@pytest.mark.parametrize('name', LINEAR)
def test_linear(name):
    cfg = Config.fromfile(CONFIGS / name)
    assert cfg.param_scheduler.T_max == cfg.train_cfg.max_epochs
    assert cfg.train_cfg.max_epochs % cfg.train_cfg.get('val_interval', 1) == 0
    model = build(cfg)
    assert cfg.optim_wrapper.pop('constructor') == SweepOptimWrapperConstructor.__name__
    wrapper = SweepOptimWrapperConstructor(cfg.optim_wrapper)(model)
    for group, lr in zip(wrapper.optimizer.param_groups, cfg.model.lrs):
        assert (group['lr'], group['momentum'], group['weight_decay']) == (lr, 0.9, 0.0)
    blocks = min(4, model.backbone.num_layers)
    assert model.heads[0].in_features == blocks * model.backbone.embed_dims


@pytest.mark.parametrize('name', PROBES)
def test_the_papers_linear_probes(name):
    cfg, (rate, width) = Config.fromfile(CONFIGS / f'frozen/{name}.py'), PROBES[name]
    assert cfg.train_cfg.max_epochs == cfg.param_scheduler.T_max == 100
    assert 8 * cfg.train_dataloader.batch_size == 1024 and cfg.auto_scale_lr.enable
    assert [lr * 1024 / cfg.auto_scale_lr.base_batch_size for lr in cfg.model.lrs] == [rate]
    assert cfg.optim_wrapper.optimizer == dict(type='SGD', momentum=0.9, weight_decay=0.0)
    assert build(cfg).heads[0].weight.shape == (1000, width)
