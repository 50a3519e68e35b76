"""What the built configs of the papers' size say (AttMask, Section 4.1 and Appendix B)."""

from pathlib import Path

import pytest
from mmengine.optim import build_optim_wrapper
from mmengine.registry import DefaultScope
from mmpretrain.registry import HOOKS, MODELS, TRANSFORMS

from mmmask.config.read import read_config
from mmmask.models.maskers import BlockMasker, HighAttentionMasker

CONFIGS = Path(__file__).parents[2] / 'configs'
NAMES = dict(
    dino='dino/dino_vit-small-p16_8xb30-coslr-100e_in1k.py',
    ibot='ibot/ibot_vit-small-p16_8xb30-coslr-100e_in1k.py',
    attmask='attmask/attmask-high-ibot_vit-small-p16_8xb30-coslr-100e_in1k.py',
)
EPOCHS, STEPS = 100, 7  # so many steps an epoch


@pytest.fixture(scope='module', params=NAMES)
def method(request):
    return request.param


@pytest.fixture(scope='module')
def cfg(method):
    cfg = read_config(str(CONFIGS / NAMES[method]))
    with DefaultScope.overwrite_default_scope(cfg.default_scope):
        yield cfg


@pytest.fixture(scope='module')
def model(cfg):
    return MODELS.build(dict(cfg.model, data_preprocessor=cfg.data_preprocessor))


@pytest.fixture(scope='module')
def schedules(cfg):
    hook = HOOKS.build(cfg.default_hooks.schedule)
    return {path: (schedule, by) for path, schedule, by in hook.items}


def by_iteration(schedules, path):
    """Value at an epoch, which may have a fraction."""
    schedule, by = schedules[path]
    assert by == 'iter'
    return lambda epoch: schedule(round(epoch * STEPS), EPOCHS * STEPS, STEPS)


def test_network(model, method):
    vit = model.backbone
    assert (vit.embed_dims, vit.num_layers, vit.patch_resolution) == (384, 12, (14, 14))
    assert all(layer.attn.num_heads == 6 for layer in vit.layers)
    assert vit.layers[-1].attn.out_drop.drop_prob == pytest.approx(0.1)
    assert vit.layers[0].attn.out_drop.drop_prob == 0
    assert all(layer.attn.out_drop.drop_prob == 0 for layer in model.teacher.backbone.layers)
    assert hasattr(vit, 'mask_token') == (method != 'dino')


def test_projection(model, method):
    prototypes = 65536 if method == 'dino' else 8192
    assert [layer.out_features for layer in list(model.neck.mlp)[::2]] == [2048, 2048, 256]
    weight = model.neck.last_layer.parametrizations.weight
    assert weight.original1.shape == (prototypes, 256)
    assert weight.original0.requires_grad  # norm_last_layer=False
    assert model.head.center.value.shape == (1, prototypes)


def test_head(model, method):
    head = model.head
    assert (head.student_temp, head.cls_weight, head.center.momentum) == (0.1, 1.0, 0.9)
    if method == 'dino':
        assert head.patch_weight == 0
    else:
        assert head.patch_weight == 1 and head.patch_center.momentum == 0.9
        assert head.patch_center.value.shape == (1, 8192)


def test_masks(model, method):
    masker = model.masker
    if method == 'dino':
        assert masker is None
        return
    assert type(masker) is (BlockMasker if method == 'ibot' else HighAttentionMasker)
    assert masker.ratio == (0.1, 0.5) and masker.prob == 0.5
    assert masker.per == ('image' if method == 'ibot' else 'batch')
    if method == 'attmask':
        assert model.scorer.attention.blocks == (-1,)


def test_views(cfg, method):
    load, multi_crop, pack = cfg.train_dataloader.dataset.pipeline
    assert (load.type, pack.type) == ('LoadImageFromFile', 'PackInputs')
    crops = TRANSFORMS.build(multi_crop)
    share = 0.4 if method == 'dino' else 0.25
    assert crops.num_local == 10
    for view in (crops.first_global, crops.second_global):
        crop = view.transforms[0]
        assert tuple(crop.scale) == (224, 224) and crop.crop_ratio_range == (share, 1.0)
        assert (crop.interpolation, crop.backend) == ('bicubic', 'pillow')
    crop = crops.local.transforms[0]
    assert tuple(crop.scale) == (96, 96) and crop.crop_ratio_range == (0.05, share)
    assert crops.color_jitter == (0.4, 0.4, 0.2, 0.1) and crops.gray_prob == 0.2


def test_normalisation_is_imagenets(cfg):
    values = cfg.data_preprocessor
    assert values.to_rgb  # images are read as BGR
    for mean, expected in zip(values.mean, (0.485, 0.456, 0.406)):
        assert mean / 255 == pytest.approx(expected)
    for std, expected in zip(values.std, (0.229, 0.224, 0.225)):
        assert std / 255 == pytest.approx(expected)


def test_optimiser(cfg, model):
    optimizer = build_optim_wrapper(model, cfg.optim_wrapper).optimizer
    assert type(optimizer).__name__ == 'AdamW'
    decayed, plain = optimizer.param_groups
    assert decayed['lr'] == plain['lr'] == pytest.approx(5e-4 * 240 / 256)
    assert (decayed['weight_decay'], plain['weight_decay']) == (0.04, 0.0)
    assert decayed['betas'] == (0.9, 0.999)
    assert cfg.train_dataloader.batch_size * 8 == cfg.auto_scale_lr.base_batch_size == 240
    assert cfg.train_cfg.max_epochs == EPOCHS


def test_learning_rate(schedules):
    value, rate = by_iteration(schedules, 'optimizer.lr'), 5e-4 * 240 / 256
    assert value(0) == 0
    assert value(5) == pytest.approx(5 * STEPS / (10 * STEPS - 1))
    assert value(10 - 1 / STEPS) == value(10) == pytest.approx(1.0)  # warm-up of 10 epochs
    assert rate * value(55) == pytest.approx((rate + 1e-6) / 2)  # half of the cosine
    assert rate * value(EPOCHS) == pytest.approx(1e-6)


def test_weight_decay(schedules):
    value = by_iteration(schedules, 'optimizer.weight_decay')
    assert [0.04 * value(e) for e in (0, 50, 100)] == pytest.approx([0.04, 0.22, 0.4])


def test_momentum(schedules):
    value = by_iteration(schedules, 'model.teacher.momentum')
    assert [value(e) for e in (0, 50, 100)] == pytest.approx([0.996, 0.998, 1.0], rel=1e-12)


def test_temperatures(schedules, method):
    paths = {'model.head.teacher_temp'}
    if method != 'dino':
        paths.add('model.head.teacher_patch_temp')
    assert {path for path in schedules if path.endswith('temp')} == paths
    for path in paths:
        schedule, by = schedules[path]
        assert by == 'epoch'
        found = [schedule(epoch, EPOCHS, 1) for epoch in (0, 1, 29, 30, 99)]
        assert found == pytest.approx([0.04, 0.04 + 0.03 / 29, 0.07, 0.07, 0.07])


def test_hooks(cfg):
    hooks = {name: HOOKS.build(hook) for name, hook in cfg.default_hooks.items()}
    assert hooks['grad_clip'].max_norm == 3.0
    assert (hooks['freeze_last_layer'].epochs, hooks['freeze_last_layer'].layer) == (
        1,
        'neck.last_layer',
    )
    assert type(hooks['ema_teacher']).__name__ == 'EMATeacherHook'
