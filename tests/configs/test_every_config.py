"""Every config loads and its model builds; every pre-training config takes a step.

A new config is found here by itself. If its kind of model is new, the test fails until the kind has
a check.
"""

import copy
import re
import runpy
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from mmcv.transforms import Compose
from mmengine.dataset import default_collate
from mmengine.optim import build_optim_wrapper
from mmengine.registry import MODELS, DefaultScope
from mmpretrain.registry import HOOKS, TRANSFORMS
from mmpretrain_checks import SHRINK, takes_a_step_of_mmpretrain

from mmmask.config.read import read_config

CONFIGS = Path(__file__).parents[2] / 'configs'
PATHS = sorted(
    str(path.relative_to(CONFIGS))
    for path in CONFIGS.rglob('*.py')
    if not {'_base_', 'suites'} & set(path.relative_to(CONFIGS).parts)
)


def shrink(cfg):
    """The same method with a network that takes a step in milliseconds."""
    arch = dict(embed_dims=12, num_layers=2, num_heads=2, feedforward_channels=24)
    if tap := cfg.model.get('attention'):  # as deep as its blocks
        arch['num_layers'] = max(2, 1 + max(tap.get('blocks', (-1,))))
    width = 12
    if cfg.model.backbone.type == 'MaskedSwinTransformer':  # as many stages
        given, width = cfg.model.backbone.arch, 16
        stages = 4 if given == 'tiny' else len(given['depths'])
        arch = dict(embed_dims=width >> (stages - 1), depths=[1] * stages, num_heads=[1] * stages)
    cfg.model.backbone.arch = arch
    cfg.model.neck.update(
        in_channels=width, hidden_channels=16, bottleneck_channels=8, out_channels=32
    )
    cfg.model.head.out_channels = 32
    shrink_scorer(cfg)
    if restoration := cfg.model.get('restoration'):
        restoration.decoder.update(in_channels=width, channels=4)


def batch_of(cfg, size=2):
    """Random images through the config's own augmentation."""
    first, *steps = cfg.train_dataloader.dataset.pipeline
    assert first.type == 'LoadImageFromFile'
    pipeline = Compose([TRANSFORMS.build(step) for step in steps])
    generator = np.random.RandomState(0)
    images = generator.randint(0, 256, (size, 96, 80, 3)).astype(np.uint8)
    return default_collate([pipeline(dict(img=image)) for image in images])


def takes_a_step(cfg):
    torch.manual_seed(0)
    np.random.seed(0)
    shrink(cfg)
    model = MODELS.build(dict(cfg.model, data_preprocessor=cfg.data_preprocessor))
    model.init_weights()
    wrapper = build_optim_wrapper(model, cfg.optim_wrapper)
    for name, hook in cfg.default_hooks.items():
        hook = HOOKS.build(hook)
        if name == 'schedule':  # every path that it sets exists
            hook.before_train(SimpleNamespace(model=model, optim_wrapper=wrapper))
    before = copy.deepcopy(model.state_dict())
    logs = model.train_step(batch_of(cfg), wrapper)
    assert {'loss', 'loss_cls'} <= logs.keys()
    assert all(torch.isfinite(value).all() for value in logs.values()), logs
    after = model.state_dict()
    assert all(torch.isfinite(value).all() for value in after.values())
    for name, value in after.items():
        teachers = name.startswith('teacher.')
        fixed = name.endswith(('original0', 'relative_position_index'))
        if name.startswith('neck.') and cfg.model.head.get('cls_weight') == 0:
            continue  # no gradient: some of it decays, some stays
        if teachers and not re.search('running_|num_batches', name):
            assert torch.equal(value, before[name]), name  # only its hook moves it
        elif not fixed and name not in ('backbone.mask_token',):  # by chance, nothing is masked
            assert not torch.equal(value, before[name]), name


def shrink_autoencoder(cfg):
    """The same for encoder and decoders; a frozen teacher has as many blocks and heads as read."""
    arch = dict(embed_dims=12, num_layers=2, num_heads=2, feedforward_channels=24)
    if cfg.model.backbone.type == 'MaskedConvMAE':
        arch = dict(embed_dims=(4, 8, 12), depths=(1, 1, 2), num_heads=2)
    cfg.model.backbone.arch = arch
    for name in {'neck', 'attention_decoder'} & set(cfg.model):
        cfg.model[name].update(
            embed_dim=12, decoder_embed_dim=8, decoder_depth=1, decoder_num_heads=2
        )
    if contrast := cfg.model.get('contrast'):
        contrast.update(in_channels=12, hidden_channels=16, out_channels=8)
    shrink_scorer(cfg)


def shrink_scorer(cfg):
    """Random weights here only: the checkpoint is the user's to choose."""
    scorer = cfg.model.get('scorer')
    if scorer and scorer.type == 'FrozenScorer':
        scorer.backbone.arch = dict(
            embed_dims=24, num_layers=12, num_heads=12, feedforward_channels=24
        )
        scorer.backbone.init_cfg = None


def autoencodes(cfg):
    """A step: what is trained moves, but for a decoder whose turn it isn't."""
    torch.manual_seed(0)
    np.random.seed(0)
    shrink_autoencoder(cfg)
    model = MODELS.build(dict(cfg.model, data_preprocessor=cfg.data_preprocessor))
    model.init_weights()
    wrapper = build_optim_wrapper(model, cfg.optim_wrapper)
    for name, hook in cfg.default_hooks.items():
        hook = HOOKS.build(hook)
        if name == 'schedule':  # every path that it sets exists
            hook.before_train(SimpleNamespace(model=model, optim_wrapper=wrapper))
    before = copy.deepcopy(model.state_dict())
    logs = model.train_step(batch_of(cfg), wrapper)
    parts = {'loss_pixel'}
    if model.attention_decoder is not None and model.combine == 'sum':
        parts.add('loss_attention')
    if model.contrast is not None:
        parts.add('loss_contrast')
    assert {name for name in logs if name.startswith('loss_')} == parts
    assert all(torch.isfinite(value).all() for value in logs.values()), logs
    idle = model.combine == 'alternate'
    assert not idle or cfg.find_unused_parameters
    for name, value in model.named_parameters():
        moved = not torch.equal(value, before[name])
        assert torch.isfinite(value).all(), name
        assert moved == (value.requires_grad and not (idle and 'attention_' in name)), name


def builds(cfg):
    cfg.model.backbone.init_cfg = None  # the checkpoint is the user's to choose
    model = MODELS.build(cfg.model)
    assert sum(parameter.numel() for parameter in model.parameters()) > 1e4


CHECKS = dict(
    SelfDistillation=takes_a_step,
    MaskedAutoencoder=autoencodes,
    LinearProbe=builds,
    FrozenBackbone=builds,
    ImageClassifier=builds,
    MaskRCNN=builds,
    CascadeRCNN=builds,
    EncoderDecoder=builds,
    **dict.fromkeys(SHRINK, lambda cfg: takes_a_step_of_mmpretrain(cfg, batch_of(cfg))),
)


def test_there_are_configs():
    assert len(PATHS) >= 11


@pytest.mark.parametrize('path', PATHS)
def test_loads_and_builds(path):
    cfg = read_config(str(CONFIGS / path))
    assert 'model' in cfg and 'mmmask.registration' in cfg.custom_imports.imports
    kind = cfg.model.type
    assert kind in CHECKS, f'No check for a model of type {kind}: add one to CHECKS.'
    with DefaultScope.overwrite_default_scope(cfg.default_scope):
        CHECKS[kind](cfg)


@pytest.mark.parametrize('path', PATHS)
def test_the_name_says_what_is_inside(path):
    cfg, name = read_config(str(CONFIGS / path)), Path(path).stem
    if found := re.search(r'_(\d+)xb(\d+)-', name):
        gpus, images = map(int, found.groups())
        assert cfg.train_dataloader.batch_size == images
        assert cfg.auto_scale_lr.base_batch_size == gpus * images
    if found := re.search(r'-(\d+)e_', name):
        assert cfg.train_cfg.max_epochs == int(found.group(1))
    if found := re.search(r'-p(\d+)', name):
        assert cfg.model.backbone.patch_size == int(found.group(1))


def leaves(config, prefix=()):
    """Paths and values of the leaves; a dict that replaces its parent is one."""
    for key, value in config.items():
        if isinstance(value, dict) and not value.get('_delete_'):
            yield from leaves(value, (*prefix, key))
        else:
            yield (*prefix, key), value


@pytest.mark.parametrize(
    'path, most_lines',
    [
        ('attmask/attmask-high-ibot_vit-small-p16_8xb30-coslr-100e_in1k.py', 20),
        ('ibot/ibot_vit-small-p16_8xb30-coslr-100e_in1k.py', 40),
    ],
)
def test_a_child_states_its_difference_only(path, most_lines):
    text = (CONFIGS / path).read_text()
    assert len(text.splitlines()) <= most_lines
    own = {k: v for k, v in runpy.run_path(str(CONFIGS / path)).items() if not k.startswith('__')}
    parent = read_config(str((CONFIGS / path).parent / own.pop('_base_'))).to_dict()
    inherited = dict(leaves(parent))
    for where, value in leaves(own):
        assert where not in inherited or inherited[where] != value, f'{where} only repeats'
