"""Segmenters of configs/transfer/mmseg do more than the values in paper_values.py say."""

from copy import deepcopy

import torch
from config_values import config
from mmengine.model import revert_sync_batchnorm
from mmengine.optim import build_optim_wrapper
from mmseg.registry import MODELS

from mmmask.config.build import build_model, scope_of


def test_auxiliary_heads_of_pup_have_one_convolution_before_the_classifier():
    """SETR's `num_conv=2` counts the classifier, which gets maps at a quarter of the crop."""
    cfg = config('transfer/mmseg/setr-pup_vit-small-p16_8xb1-40k_cityscapes-768x768')
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


def test_linear_trains_one_layer():
    """A step changes the 1 x 1 convolution and nothing of the backbone, also in training mode."""
    cfg = deepcopy(config('transfer/mmseg/linear_vit-small-p16_8xb2-160k_ade20k-512x512'))
    width = 16
    arch = dict(embed_dims=width, num_layers=12, num_heads=2, feedforward_channels=32)
    cfg.model.backbone.update(arch=arch, img_size=64, init_cfg=None)
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
