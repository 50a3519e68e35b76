"""The frozen protocols' configs say what the papers say."""

from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmpretrain.registry import MODELS
from mmpretrain.structures import DataSample

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


#: Batch, and what stands for an image; all else is MAE's (Appendix A.2).
MAE_LIKE = {
    'linear-mae_vit-small-p16_in1k': (16384, 'cls'),
    'linear-ccmim_vit-small-p16_in1k': (16384, 'gap_renormed'),
    'attentive-ep_vit-small-p16_in1k': (4096, 'patches'),
    'attentive-cross_vit-small-p16_in1k': (4096, 'patches'),
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


@pytest.mark.parametrize('name', MAE_LIKE)
def test_mae_linear_probe_and_those_that_follow_it(name):
    cfg, (batch, token) = Config.fromfile(CONFIGS / f'frozen/{name}.py'), MAE_LIKE[name]
    assert 8 * cfg.train_dataloader.batch_size == batch and cfg.model.lrs == (0.1,)
    assert cfg.auto_scale_lr == dict(enable=True, base_batch_size=256)
    assert cfg.train_cfg.max_epochs == 90 and cfg.param_scheduler is None
    schedule = cfg.default_hooks.schedule.schedules.lr.schedule
    assert schedule == dict(type='CosineSchedule', start=1.0, end=0.0, warmup=10)
    model = build(cfg)
    assert (model.features[0].token, model.features[0].n_last_blocks) == (token, 1)
    norm = model.heads[0].norm if token == 'patches' else model.norms[0]
    assert (norm.num_features, norm.affine, norm.eps) == (384, False, 1e-6)
    assert cfg.optim_wrapper.pop('constructor') == SweepOptimWrapperConstructor.__name__
    wrapper = SweepOptimWrapperConstructor(cfg.optim_wrapper)(model)
    (group,) = wrapper.optimizer.param_groups
    assert type(wrapper.optimizer).__name__ == 'MatrixLARS'
    assert (group['lr'], group['momentum'], group['weight_decay']) == (0.1, 0.9, 0.0)
    assert group['trust'] == 0.001
    labels = [DataSample().set_gt_label(label) for label in (3, 999)]
    before = [weight.detach().clone() for weight in model.heads.parameters()]
    losses = model.train()(torch.randn(2, 3, 224, 224), labels, mode='loss')
    wrapper.update_params(losses['loss_lr0.1'])
    after = list(model.heads.parameters())
    assert all(not torch.equal(a, b) for a, b in zip(before, after))


def test_the_sweep_of_ibot():
    cfg = Config.fromfile(CONFIGS / 'frozen/linear-ibot_vit-small-p16_in1k.py')
    rates = [n * 10.0**k for k in range(-4, 1) for n in range(1, 10)]
    assert cfg.model.lrs == pytest.approx(rates) and cfg.train_cfg.select == 'val'
    assert cfg.optim_wrapper.optimizer == dict(type='SGD', momentum=0.9, weight_decay=0.0)


@pytest.mark.parametrize(
    'name', ['frozen/davis_vit-small-p16_davis2017', 'demo/davis_vit-demo_miniature']
)
def test_davis(name):
    cfg = Config.fromfile(CONFIGS / f'{name}.py')
    published = dict(context=7, topk=5, radius=12, temperature=0.1, tolerance=0.008)
    assert dict(cfg.test_cfg).items() >= published.items()
    if name.startswith('frozen'):
        assert (cfg.test_cfg.size, cfg.test_cfg.multiple) == (480, 64)
        assert cfg.model.data_preprocessor.std[0] == pytest.approx(0.228 * 255)
    assert cfg.model.backbone.pos_embed_resize == 'dino'


@pytest.mark.parametrize(
    'name', ['frozen/knn-seg_vit-small-p16_ade20k', 'demo/knn-seg_vit-demo_material-scenes']
)
def test_segmentation_by_a_bank_of_patches(name):
    cfg = Config.fromfile(CONFIGS / f'{name}.py')
    bank, queries = cfg.test_cfg.bank_dataloader, cfg.test_dataloader
    assert (cfg.test_cfg.k, cfg.test_cfg.temperature, cfg.test_cfg.size) == (30, 0.02, None)
    assert bank.dataset.data_prefix.img_path.startswith('images/train')
    assert queries.dataset.data_prefix.img_path.startswith('images/val')
    assert bank.dataset.test_mode and queries.dataset.test_mode and not bank.sampler.shuffle
    assert cfg.test_evaluator == []


def test_linear_segmentation_of_dinov2():
    cfg = Config.fromfile(CONFIGS / 'frozen/linear-seg-dinov2_vit-small-p16_ade20k.py')
    backbone, head = cfg.model.backbone, cfg.model.decode_head
    assert backbone.out_indices == [8, 9, 10, 11] and backbone.frozen_stages == 12
    assert head == dict(
        type='BatchNormLinearHead',
        in_channels=[384] * 4,
        in_index=[0, 1, 2, 3],
        num_classes=150,
    )
    optimizer = cfg.optim_wrapper.optimizer
    assert (optimizer.type, optimizer.lr, optimizer.weight_decay) == ('AdamW', 1e-3, 1e-4)
    assert cfg.train_cfg.max_iters == cfg.param_scheduler[1].end == 40000
    assert cfg.val_evaluator.type == cfg.test_evaluator.type == 'SizedIoUMetric'
