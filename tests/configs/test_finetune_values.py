"""What the resolved fine-tuning configs say: AttMask's, GPA's and ccMIM's values, and iBOT's."""

from pathlib import Path

import pytest
from mmengine.optim import build_optim_wrapper
from mmengine.registry import DATASETS, PARAM_SCHEDULERS, DefaultScope
from mmpretrain.registry import MODELS

from mmmask.config.read import read_config

FOLDER = Path(__file__).parents[2] / 'configs' / 'transfer' / 'mmpretrain'
PATHS = sorted(path.name for path in FOLDER.glob('*.py'))
CONV = 'finetune-gpa_conv-small_8xb128-coslr-100e_in1k.py'

S, B = (384, 6), (768, 12)  # width and heads

# network, data, classes, epochs, GPUs x images, lr, weight decay, layer decay, warm-up, erasing
VALUES = {
    # GPA, Section 4.1: 5e-4, batch 1024, layer decay 0.8, 100 epochs; MAE: 5 epochs of warm-up.
    'gpa_vit-base-p16_8xb128-coslr-100e_in1k': (
        *(B, 'StrictImageFolder', 1000, 100, (8, 128)),
        *(0.002, 0.05, 0.8, 5, 0.25),
    ),
    # ccMIM, Section 4.1: MAE's 1e-3 at 1024, 100 epochs; MAE, Table 9: layer decay 0.75.
    'ccmim_vit-base-p16_8xb128-coslr-100e_in1k': (
        *(B, 'StrictImageFolder', 1000, 100, (8, 128)),
        *(0.004, 0.05, 0.75, 5, 0.25),
    ),
    # AttMask, Table A14: 100 epochs; iBOT: layer decay 0.75, 20 epochs of warm-up, 4e-3.
    'attmask_vit-small-p16_8xb128-coslr-100e_in1k': (
        *(S, 'StrictImageFolder', 1000, 100, (8, 128)),
        *(0.004, 0.05, 0.75, 20, 0.25),
    ),
    # AttMask, Appendix B (Tables 1 and 6): 7.5e-6 at 900, weight decay 0.05, 500 and 1000 epochs;
    # 7.5e-6 x 900 / 512 = 1.318e-5.
    'attmask_vit-small-p16_6xb150-coslr-500e_cifar10': (
        *(S, 'CIFAR10', 10, 500, (6, 150)),
        *(1.31836e-5, 0.05, None, 5, 0.25),
    ),
    'attmask_vit-small-p16_6xb150-coslr-500e_cifar100': (
        *(S, 'CIFAR100', 100, 500, (6, 150)),
        *(1.31836e-5, 0.05, None, 5, 0.25),
    ),
    'attmask_vit-small-p16_6xb150-coslr-1000e_flowers102': (
        *(S, 'Flowers102', 102, 1000, (6, 150)),
        *(1.31836e-5, 0.05, None, 5, 0.25),
    ),
    # ccMIM, Section 4.2 (Table 4): 360 epochs, 3e-4, at 1024 / 256.
    'ccmim_vit-base-p16_8xb128-coslr-360e_inat2018': (
        *(B, 'INaturalist', 8142, 360, (8, 128)),
        *(0.0012, 0.05, 0.75, 5, 0.25),
    ),
    'ccmim_vit-base-p16_8xb128-coslr-360e_inat2019': (
        *(B, 'INaturalist', 1010, 360, (8, 128)),
        *(0.0012, 0.05, 0.75, 5, 0.25),
    ),
    'ccmim_vit-base-p16_8xb128-coslr-1000e_flowers102': (
        *(B, 'Flowers102', 102, 1000, (8, 128)),
        *(0.0012, 0.05, 0.75, 5, 0.25),
    ),
    # iBOT's published ViT-S: 5e-5 and 2.5e-5 at 768 / 512, 360 epochs, erasing 0.1.
    'ibot_vit-small-p16_8xb96-coslr-360e_inat2018': (
        *(S, 'INaturalist', 8142, 360, (8, 96)),
        *(7.5e-5, 0.05, None, 5, 0.1),
    ),
    'ibot_vit-small-p16_8xb96-coslr-360e_inat2019': (
        *(S, 'INaturalist', 1010, 360, (8, 96)),
        *(3.75e-5, 0.05, None, 5, 0.1),
    ),
}


def test_every_config_is_listed():
    assert sorted([CONV, *(f'finetune-{name}.py' for name in VALUES)]) == PATHS


@pytest.fixture(scope='module', params=VALUES)
def name(request):
    return request.param


@pytest.fixture(scope='module')
def cfg(name):
    cfg = read_config(str(FOLDER / f'finetune-{name}.py'))
    with DefaultScope.overwrite_default_scope(cfg.default_scope):
        yield cfg


@pytest.fixture(scope='module')
def model(cfg):
    """With random weights: the checkpoint is the user's to choose."""
    backbone = dict(cfg.model.backbone, init_cfg=None)
    return MODELS.build(dict(cfg.model, backbone=backbone))


def test_network(model, name):
    (width, heads), _, classes, *_ = VALUES[name]
    vit = model.backbone
    assert (vit.embed_dims, vit.num_layers, vit.patch_resolution) == (width, 12, (14, 14))
    assert vit.layers[0].attn.num_heads == heads
    assert vit.layers[-1].attn.out_drop.drop_prob == pytest.approx(0.1)
    assert model.head.num_classes == classes
    # ViT-B: the mean of the patches and a new norm; ViT-S: the CLS token after the old one.
    pooled = width == 768
    assert vit.out_type == ('avg_featmap' if pooled else 'cls_token')
    assert vit.final_norm is not pooled
    assert hasattr(vit, 'ln2') == pooled and hasattr(vit, 'ln1') == (not pooled)


def test_start(cfg):
    assert cfg.model.backbone.init_cfg == dict(
        type='Pretrained', checkpoint='SET-ME', source='auto'
    )
    assert cfg.load_from is None


def test_data(cfg, name):
    _, kind, classes, *_ = VALUES[name]
    assert cfg.data_preprocessor.num_classes == classes
    loaders = [cfg[f'{mode}_dataloader'] for mode in ('train', 'val', 'test')]
    for loader in loaders:
        assert loader.dataset.type == kind
        if kind == 'INaturalist':
            year = int(name[-4:])
            assert (loader.dataset.year, loader.dataset.num_classes) == (year, classes)
            assert loader.dataset.data_root == f'data/inaturalist{year}'
    parts = [loader.dataset.get('split', loader.dataset.get('data_prefix')) for loader in loaders]
    assert parts == {
        'StrictImageFolder': ['train', 'val', 'val'],
        'INaturalist': ['train', 'val', 'val'],
        'Flowers102': ['trainval', 'test', 'test'],
    }.get(kind, ['train', 'test', 'test'])


def test_augmentation(cfg, name):
    steps = {step.type: step for step in cfg.train_dataloader.dataset.pipeline}
    assert steps['RandomResizedCrop'].scale == 224
    assert steps['RandAugment'].magnitude_level == 9
    assert (steps['RandAugment'].num_policies, steps['RandAugment'].magnitude_std) == (2, 0.5)
    assert steps['RandomErasing'].erase_prob == VALUES[name][-1]
    mixes = [(augment.type, augment.alpha) for augment in cfg.model.train_cfg.augments]
    assert mixes == [('Mixup', 0.8), ('CutMix', 1.0)]
    assert cfg.model.head.loss.label_smooth_val == 0.1
    tests = [step for step in cfg.val_dataloader.dataset.pipeline if 'scale' in step]
    assert [step.scale for step in tests] == [256]
    repeats = cfg.train_dataloader.sampler.get('num_repeats', 1)
    assert repeats == (1 if 'in1k' in name or name.startswith('ccmim') else 3)


def test_colours_are_in_the_order_of_the_images(cfg, name):
    """ImageNet's mean, red first where CIFAR's files hold RGB, else blue first, as OpenCV reads."""
    steps = {step.type: step for step in cfg.train_dataloader.dataset.pipeline}
    rgb = 'cifar' in name
    red, blue = 123.675, 103.53
    assert steps['RandomErasing'].fill_color[0] == (red if rgb else blue)
    assert steps['RandAugment'].hparams.pad_val[0] == round(red if rgb else blue)
    assert cfg.data_preprocessor.mean[0] == red
    assert cfg.data_preprocessor.to_rgb is not rgb
    assert ('LoadImageFromFile' in steps) is not rgb


def test_schedule(cfg, name):
    *_, epochs, (gpus, images), lr, _, _, warmup, _ = VALUES[name]
    assert cfg.train_cfg.max_epochs == epochs
    assert cfg.train_dataloader.batch_size == images
    assert cfg.auto_scale_lr == dict(base_batch_size=gpus * images)
    rise, fall = cfg.param_scheduler
    assert (rise.type, rise.end, rise.by_epoch) == ('LinearLR', warmup, True)
    assert (fall.type, fall.begin, fall.by_epoch) == ('CosineAnnealingLR', warmup, True)
    assert 'end' not in fall and 'T_max' not in fall  # to the end of the training
    deit = 'in1k' not in name and not name.startswith('ccmim')
    if deit:
        assert rise.start_factor * lr == pytest.approx(1e-6, rel=1e-4)
    else:
        assert rise.start_factor == 1e-4


@pytest.mark.filterwarnings('ignore:Detected call of `scheduler.step')
@pytest.mark.parametrize('scale', [1, 1 / 128])
def test_no_rate_rises_after_the_warm_up(cfg, model, name, scale):
    """MAE's and BEiT's code scales the whole schedule by a layer's factor, so its end, too; and so
    does --auto-scale-lr by that of the batch."""
    *_, lr, _, _, warmup, _ = VALUES[name]
    lowest = 1e-6 if 'in1k' in name or name.startswith('ccmim') else 1e-5
    wrapper = build_optim_wrapper(model, cfg.optim_wrapper)
    for group in wrapper.param_groups:
        group['lr'] *= scale
    first = [group['lr'] for group in wrapper.param_groups]
    epochs = cfg.train_cfg.max_epochs
    epoch_length = 2000 // epochs
    defaults = dict(optimizer=wrapper, epoch_length=epoch_length)
    schedulers = [
        PARAM_SCHEDULERS.build({'end': epochs, **scheduler}, default_args=defaults)
        for scheduler in cfg.param_scheduler
    ]
    rates = []
    for _ in range(epochs * epoch_length):
        for scheduler in schedulers:
            scheduler.step()
        rates.append([group['lr'] for group in wrapper.param_groups])
    after = rates[warmup * epoch_length :]
    assert all(b <= a * (1 + 1e-9) for x, y in zip(after, after[1:]) for a, b in zip(x, y))
    assert after[0] == pytest.approx(first, rel=0.01)
    assert rates[-1] == pytest.approx([rate * lowest / lr for rate in first], rel=1e-2)


def test_optimiser(cfg, model, name):
    _, _, _, _, _, lr, decay, layer_decay, _, _ = VALUES[name]
    wrapper = build_optim_wrapper(model, cfg.optim_wrapper)
    assert type(wrapper.optimizer).__name__ == 'AdamW' and not wrapper.clip_grad_kwargs
    found = {
        id(parameter): (group['lr'], group['weight_decay'])
        for group in wrapper.optimizer.param_groups
        for parameter in group['params']
    }
    got = {key: found[id(parameter)] for key, parameter in model.named_parameters()}
    head = 'head.fc' if hasattr(model.head, 'fc') else 'head.layers.head'
    rate = layer_decay or 1.0
    # 14 depths: what makes tokens, 12 blocks, what follows them.
    expected = {
        'backbone.cls_token': (lr * rate**13, 0.0),
        'backbone.pos_embed': (lr * rate**13, 0.0),
        'backbone.patch_embed.projection.weight': (lr * rate**13, decay),
        'backbone.layers.0.attn.qkv.weight': (lr * rate**12, decay),
        'backbone.layers.11.attn.qkv.weight': (lr * rate, decay),
        'backbone.layers.11.attn.qkv.bias': (lr * rate, 0.0),
        'backbone.layers.11.ln1.weight': (lr * rate, 0.0),
        f'{head}.weight': (lr, decay),
        f'{head}.bias': (lr, 0.0),
    }
    for key, values in expected.items():
        assert got[key] == pytest.approx(values, rel=1e-4), key


def test_data_sets_are_registered(cfg):
    assert DATASETS.get(f'mmpretrain.{cfg.train_dataloader.dataset.type}') is not None


def test_convmae_is_tuned_as_gpas_vit():
    """GPA, Table 10: ConvMAE-S at 100 epochs; 11 blocks, so 13 depths."""
    cfg = read_config(str(FOLDER / CONV))
    cfg.model.backbone.init_cfg = None
    with DefaultScope.overwrite_default_scope('mmpretrain'):
        model = MODELS.build(cfg.model)
        wrapper = build_optim_wrapper(model, cfg.optim_wrapper)
    assert (model.backbone.embed_dims, len(model.backbone.fusions)) == (384, 0)
    assert cfg.train_cfg.max_epochs == 100 and cfg.auto_scale_lr.base_batch_size == 1024
    rates = {name: g['lr'] for g in wrapper.optimizer.param_groups for name in g['names']}
    assert rates['backbone.stems.0.0.weight'] == pytest.approx(0.002 * 0.8**12)
    assert rates['backbone.pos_embed'] == pytest.approx(0.002 * 0.8**12)  # trained, as published
    decays = {n: g['weight_decay'] for g in wrapper.optimizer.param_groups for n in g['names']}
    assert decays['backbone.pos_embed'] == 0 and decays['backbone.projection.weight'] == 0.05
    assert rates['backbone.layers.10.attn.qkv.weight'] == pytest.approx(0.002 * 0.8)
    assert rates['backbone.ln2.weight'] == rates['head.fc.weight'] == pytest.approx(0.002)
