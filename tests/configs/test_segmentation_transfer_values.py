"""Segmenters have the papers' values, read from the configs as the launcher resolves them."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from mmengine.model import revert_sync_batchnorm
from mmengine.optim import build_optim_wrapper
from mmseg.registry import MODELS

from mmmask.config.build import build_model, scope_of
from mmmask.config.read import read_config

FOLDER = Path(__file__).parents[2] / 'configs' / 'transfer' / 'mmseg'
VIT = {'small': (384, 6), 'base': (768, 12)}
ADE, CITYSCAPES = (512, 512), (768, 768)

# Name: width, thousands of iterations, learning rate, layer decay, drop path, blocks.
ROWS = {
    # AttMask's appendix, Section "Downstream tasks with fine-tuning"
    'upernet_vit-small-p16_8xb2-160k': ('small', 160, 7e-4, 0.65, 0.1, [3, 5, 7, 11]),
    # iBOT's published file
    'upernet-ibot_vit-small-p16_8xb2-160k': ('small', 160, 3e-5, 0.9, 0.1, [3, 5, 7, 11]),
    # ccMIM, Section 4.2: batch 16, layer decay 0.65, drop path 0.1
    'upernet-ccmim_vit-small-p16_8xb2-160k': ('small', 160, 3e-4, 0.65, 0.1, [3, 5, 7, 11]),
    'upernet-ccmim_vit-base-p16_8xb2-160k': ('base', 160, 3e-4, 0.65, 0.1, [3, 5, 7, 11]),
    # and Table 3: 160k, also of its ViT with FPN
    'fpn_vit-small-p16_8xb2-160k': ('small', 160, 3e-4, 0.65, 0.1, [3, 5, 7, 11]),
    'fpn_vit-base-p16_8xb2-160k': ('base', 160, 3e-4, 0.65, 0.1, [3, 5, 7, 11]),
    # GPA, Section 4.1: 80k for ablations (Table 2), 160k for comparisons (Table 8)
    'upernet-gpa_vit-base-p16_8xb2-80k': ('base', 80, 1e-4, 0.65, 0.1, [3, 5, 7, 11]),
    'upernet-gpa_vit-base-p16_8xb2-160k': ('base', 160, 1e-4, 0.65, 0.1, [3, 5, 7, 11]),
    # iBOT's published file of its linear protocol, and its command for ViT-B
    'linear_vit-small-p16_8xb2-160k': ('small', 160, 3e-5, None, 0.0, [3, 5, 7, 11]),
    'linear_vit-base-p16_8xb2-160k': ('base', 160, 8e-4, None, 0.0, [3, 5, 7, 11]),
}
# MST, Table 3: SETR's own, 40k. Learning rate, blocks, auxiliary heads.
SETR = {
    'naive': (0.01, [2, 5, 8, 11], 3),
    'pup': (0.01, [4, 7, 9, 11], 4),
    'mla': (0.002, [2, 5, 8, 11], 4),
}


def load(name):
    (path,) = FOLDER.glob(f'{name}_*.py')
    return read_config(str(path))


def check_schedule(cfg, iterations):
    """The last scheduler ends with the training."""
    assert cfg.train_cfg.max_iters == iterations
    assert cfg.param_scheduler[-1].end == iterations
    if len(cfg.param_scheduler) == 2:
        warm_up, decay = cfg.param_scheduler
        assert (warm_up.type, warm_up.begin, warm_up.end) == ('LinearLR', 0, 1500)
        assert (warm_up.start_factor, warm_up.by_epoch) == (1e-6, False)
        assert (decay.type, decay.begin, decay.power, decay.eta_min) == ('PolyLR', 1500, 1.0, 0.0)


def check_backbone(cfg, size, crop, drop_path, blocks):
    width, heads = VIT[size]
    backbone = cfg.model.backbone
    assert backbone.arch == dict(
        embed_dims=width, num_layers=12, num_heads=heads, feedforward_channels=4 * width
    )
    assert (backbone.patch_size, backbone.drop_path_rate) == (16, drop_path)
    assert (backbone.img_size, backbone.img_size) == crop  # positions are resized once
    assert list(backbone.out_indices) == blocks
    assert backbone.init_cfg == dict(type='Pretrained', checkpoint='SET-ME', source='auto')
    assert tuple(cfg.model.data_preprocessor.size) == crop
    test_cfg = cfg.model.test_cfg
    assert test_cfg.mode == 'slide' and tuple(test_cfg.crop_size) == crop
    assert test_cfg.stride == ((341, 341) if crop == ADE else (512, 512))


@pytest.mark.parametrize('name', ROWS)
def test_ade20k(name):
    size, thousands, lr, layer_decay, drop_path, blocks = ROWS[name]
    cfg = load(name)
    check_backbone(cfg, size, ADE, drop_path, blocks)
    check_schedule(cfg, 1000 * thousands)
    optimizer = cfg.optim_wrapper.optimizer
    assert (optimizer.type, optimizer.lr, optimizer.weight_decay) == ('AdamW', lr, 0.05)
    assert cfg.optim_wrapper.get('paramwise_cfg', {}).get('layer_decay_rate') == layer_decay
    assert cfg.model.decode_head.num_classes == 150
    if name.startswith('upernet'):  # iBOT's and CAE's files: as wide as the backbone
        assert cfg.model.decode_head.channels == VIT[size][0]
        assert cfg.model.auxiliary_head.channels == 256
    # iBOT's commands: model.backbone.out_with_norm=true
    normed = name.startswith(('linear', 'upernet-ibot'))
    kind = 'NormedMapsVisionTransformer' if normed else 'VisionTransformer'
    assert cfg.model.backbone.type == f'mmpretrain.{kind}'
    assert cfg.model.backbone.final_norm is normed
    assert cfg.train_dataloader.batch_size == 2  # on 8 GPUs
    assert cfg.auto_scale_lr.base_batch_size == 16
    assert cfg.train_dataloader.dataset.type == 'ADE20KDataset'


@pytest.mark.parametrize('kind', SETR)
def test_cityscapes(kind):
    lr, blocks, auxiliary = SETR[kind]
    cfg = load(f'setr-{kind}_deit-small-p16_8xb1-40k')
    check_backbone(cfg, 'small', CITYSCAPES, 0.0, blocks)
    check_schedule(cfg, 40000)
    optimizer = cfg.optim_wrapper.optimizer
    assert (optimizer.type, optimizer.momentum) == ('SGD', 0.9)
    assert (optimizer.lr, optimizer.weight_decay) == (lr, 0.0)
    assert cfg.optim_wrapper.paramwise_cfg.custom_keys == {'head': dict(lr_mult=10.0)}
    assert cfg.train_dataloader.batch_size == 1 and cfg.auto_scale_lr.base_batch_size == 8
    heads = cfg.model.auxiliary_head
    assert [head.in_index for head in heads] == list(range(auxiliary))
    assert cfg.model.decode_head.num_classes == heads[0].num_classes == 19
    assert {head.loss_decode.loss_weight for head in heads} == {0.4}
    assert cfg.model.backbone.final_norm is False


def test_auxiliary_heads_of_pup_have_one_convolution_before_the_classifier():
    """SETR's `num_conv=2` counts the classifier, which gets maps at a quarter of the crop."""
    cfg = load('setr-pup_deit-small-p16_8xb1-40k')
    maps = [torch.zeros(1, 384, 3, 3)] * 4  # of a crop of 48 x 48
    for options in cfg.model.auxiliary_head:
        with scope_of(cfg):
            head = revert_sync_batchnorm(MODELS.build(options))
        seen = []
        head.conv_seg.register_forward_pre_hook(lambda _, x, seen=seen: seen.append(x[0].shape))
        head.eval()
        head(maps)
        assert seen == [(1, 256, 12, 12)] and head.conv_seg.weight.shape == (19, 256, 1, 1)
        kernels = [m.kernel_size for m in head.modules() if isinstance(m, torch.nn.Conv2d)]
        assert sorted(kernels) == [(1, 1), (3, 3)]


def test_swin():
    """The values of upstream's port, with mmpretrain's Swin."""
    cfg = load('upernet_swin-tiny_8xb2-160k')
    assert cfg.model.backbone.type == 'mmpretrain.SwinTransformer'
    assert (cfg.model.backbone.arch, cfg.model.backbone.drop_path_rate) == ('tiny', 0.3)
    optimizer = cfg.optim_wrapper.optimizer
    assert (optimizer.type, optimizer.lr, optimizer.weight_decay) == ('AdamW', 6e-5, 0.01)
    check_schedule(cfg, 160000)
    assert cfg.model.decode_head.num_classes == 150
    assert cfg.train_dataloader.batch_size == 2 and cfg.auto_scale_lr.base_batch_size == 16


def test_no_segmenter_is_without_a_row():
    named = [*ROWS, *(f'setr-{kind}_deit-small-p16_8xb1-40k' for kind in SETR)]
    named.append('upernet_swin-tiny_8xb2-160k')
    stems = sorted(path.stem for path in FOLDER.glob('*.py'))
    assert len(stems) == len(named)
    assert all(any(stem.startswith(f'{name}_') for name in named) for stem in stems)


def test_linear_trains_one_layer():
    """A step changes the 1 x 1 convolution and nothing of the backbone, also in training mode."""
    cfg = load('linear_vit-small-p16_8xb2-160k')
    width = 16
    arch = dict(embed_dims=width, num_layers=12, num_heads=2, feedforward_channels=32)
    cfg.model.backbone.update(arch=arch, img_size=64)
    cfg.model.decode_head.update(in_channels=[width] * 4, channels=4 * width)
    with scope_of(cfg):
        model = build_model(cfg)
        model.init_weights()
    model.train()
    trained = [name for name, value in model.named_parameters() if value.requires_grad]
    assert trained == ['decode_head.conv_seg.weight', 'decode_head.conv_seg.bias']
    assert model.decode_head.conv_seg.weight.shape == (150, 4 * width, 1, 1)
    before = {name: value.clone() for name, value in model.backbone.state_dict().items()}
    images = torch.randn(2, 3, 64, 64)
    first, second = (model.decode_head(model.extract_feat(images)) for _ in range(2))
    assert torch.equal(first, second)  # nothing is dropped
    optimizer = build_optim_wrapper(model, cfg.optim_wrapper).optimizer  # has all parameters
    weight = model.decode_head.conv_seg.weight.clone()
    first.square().mean().backward()
    optimizer.step()
    assert not torch.equal(weight, model.decode_head.conv_seg.weight)
    after = model.backbone.state_dict()
    assert all(torch.equal(value, after[name]) for name, value in before.items())
