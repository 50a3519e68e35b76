"""What the built configs of MST say (Sections 3 and 4, Appendix 7 to 10)."""

from pathlib import Path

import pytest
from mmengine.optim import build_optim_wrapper
from mmengine.registry import DefaultScope
from mmpretrain.registry import HOOKS, MODELS
from torch import nn

from mmmask.config.read import read_config
from mmmask.models.maskers import ThresholdMasker

FOLDER = Path(__file__).parents[2] / 'configs/mst'
RECIPE = 'deit-small-p16_16xb64-coslr-100e_in1k'
MAIN = [
    f'mst_{RECIPE}',
    'mst_vit-small-p16_16xb64-coslr-300e_in1k',
    'mst_swin-tiny_16xb64-coslr-100e_in1k',
]
BASELINES = [f'dino_{RECIPE}', 'dino_swin-tiny_16xb64-coslr-100e_in1k']


def read(name):
    return read_config(str(FOLDER / f'{name}.py'))


def ablation(name):
    return read(f'ablations/{name}_{RECIPE}').model


def build(cfg):
    assert cfg.model.neck.out_channels == cfg.model.head.out_channels == 65536
    cfg.model.neck.out_channels = cfg.model.head.out_channels = 16  # quicker
    with DefaultScope.overwrite_default_scope(cfg.default_scope):
        return MODELS.build(dict(cfg.model, data_preprocessor=cfg.data_preprocessor))


@pytest.mark.parametrize('name', MAIN)
def test_the_method(name):
    model, swin = build(read(name)), 'swin' in name
    masker = model.masker
    assert type(masker) is ThresholdMasker
    assert (masker.num, masker.token_prob, masker.prob) == (8, 0.1, 1.0)
    assert (model.head.cls_weight, model.head.patch_weight) == (1.0, 0.0)
    assert (model.restoration.weight, model.restoration.target) == (0.6, 'image')
    assert len(model.restoration.decoder.steps) == (5 if swin else 4)  # of 2x: 32 or 16
    assert model.backbone.token_grid(224, 224) == ((7, 7) if swin else (14, 14))
    assert model.bn_statistics == 'global'
    kinds = 2 * [nn.Linear, nn.SyncBatchNorm, nn.GELU] + [nn.Linear]
    assert len(model.neck.mlp) == len(kinds)
    assert all(isinstance(layer, kind) for layer, kind in zip(model.neck.mlp, kinds))
    assert all(isinstance(s.bn, nn.SyncBatchNorm) for s in model.restoration.decoder.steps)
    assert [layer.out_features for layer in model.neck.mlp if hasattr(layer, 'out_features')] == [
        2048, 2048, 256,
    ]  # fmt: skip
    if not swin:
        assert model.scorer.attention.blocks == (-1,)


@pytest.mark.parametrize('name', [*MAIN, *BASELINES])
def test_the_recipe(name):
    cfg = read(name)
    assert cfg.train_cfg.max_epochs == (300 if '300e' in name else 100)
    optimizer = build_optim_wrapper(build(cfg), cfg.optim_wrapper).optimizer
    assert type(optimizer).__name__ == 'AdamW'
    assert optimizer.param_groups[0]['lr'] == 2e-3
    assert optimizer.param_groups[0]['weight_decay'] == 0.04
    assert cfg.auto_scale_lr.base_batch_size == 16 * cfg.train_dataloader.batch_size == 1024
    schedules = {path: s for path, s, _ in HOOKS.build(cfg.default_hooks.schedule).items}
    epochs = cfg.train_cfg.max_epochs
    rate, decay = schedules['optimizer.lr'], schedules['optimizer.weight_decay']
    assert rate(0, 5 * epochs, 5) == 0 and rate(50, 5 * epochs, 5) == pytest.approx(1)  # warm-up 10
    assert 2e-3 * rate(5 * epochs, 5 * epochs, 5) == pytest.approx(1e-6)
    assert 0.04 * decay(5 * epochs, 5 * epochs, 5) == pytest.approx(0.4)
    crops = cfg.train_dataloader.dataset.pipeline[1]
    assert crops == dict(type='MultiCrop', global_scale=(0.4, 1.0), local_scale=(0.05, 0.4))


def test_baselines_have_neither_masks_nor_batch_normalisation():
    for name in BASELINES:
        model = build(read(name))
        assert model.masker is None and model.restoration is None
        assert not any(isinstance(m, nn.modules.batchnorm._BatchNorm) for m in model.modules())


def test_table_5_has_every_cell():
    cells = {(8, 0.1)}  # the method itself
    for path in (FOLDER / 'ablations').glob('mst-num*'):
        masker = read(f'ablations/{path.stem}').model.masker
        assert f'-num{masker.num}-prob{round(100 * masker.token_prob):02}_' in path.name
        cells.add((masker.num, masker.token_prob))
    assert cells == {(num, p) for num in (1, 2, 4, 8) for p in (0.05, 0.1, 0.15)}


def test_table_4():
    assert ablation('mst-mask-none').masker is None
    assert ablation('mst-mask-none').restoration.weight == 0.6
    random = ablation('mst-random-prob05')
    assert random.masker == dict(type='RandomMasker', ratio=0.05, sampling='bernoulli')
    assert random.scorer is None


def test_table_6():
    assert ablation('mst-no-bn').neck.norm_cfg is None
    assert ablation('mst-normal-bn').bn_statistics == 'all'
    baseline = ablation('dino-bn')
    assert baseline.neck.norm_cfg == dict(type='SyncBN') and baseline.bn_statistics == 'all'
    assert baseline.get('restoration') is None


def test_appendix_table_4():
    first, second, third = (
        ablation(name)
        for name in ('mst-random-bert-masked-no-dino', 'mst-random-bert-masked', 'mst-bert')
    )
    assert all(model.backbone.mask_style == 'bert' for model in (first, second, third))
    assert [m.restoration.target for m in (first, second, third)] == ['masked', 'masked', 'image']
    assert [m.head.get('cls_weight', 1.0) for m in (first, second, third)] == [0.0, 1.0, 1.0]
    assert [m.masker.type for m in (first, third)] == ['RandomMasker', 'ThresholdMasker']


@pytest.mark.parametrize('weight', [0.2, 0.4, 0.8])
def test_appendix_10(weight):
    model = ablation(f'mst-restoration0{round(10 * weight)}')
    assert model.restoration.weight == weight
    model.restoration.weight = 0.6
    assert model == read(f'mst_{RECIPE}').model
