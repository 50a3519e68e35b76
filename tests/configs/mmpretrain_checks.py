"""A step of mmpretrain's own algorithms, with networks of milliseconds."""

from types import SimpleNamespace

import numpy as np
import torch
from mmengine.logging import MessageHub
from mmengine.optim import build_optim_wrapper
from mmengine.registry import MODELS
from mmpretrain.registry import HOOKS

WIDTH = 12
VIT = dict(embed_dims=WIDTH, num_layers=2, num_heads=2, feedforward_channels=24)


def shrink_simmim(model):
    model.backbone.update(
        arch=dict(embed_dims=4, depths=[1] * 4, num_heads=[1] * 4), out_indices=(3,)
    )
    size = model.backbone.img_size
    model.neck.update(in_channels=32, encoder_stride=32)
    if size < 64:  # two stages, as the demo
        model.backbone.update(arch=dict(embed_dims=4, depths=[1, 1], num_heads=[1, 1]))
        model.backbone.out_indices = (1,)
        model.neck.update(in_channels=8, encoder_stride=8)


def shrink_mocov3(model):
    model.backbone.arch = VIT
    model.neck.update(in_channels=WIDTH, hid_channels=16, out_channels=8)
    model.head.predictor.update(in_channels=8, hid_channels=16, out_channels=8)


def shrink_maskfeat(model):
    model.backbone.arch = VIT
    model.neck.in_channels = WIDTH


def shrink_byol(model):
    model.backbone.update(depth=18, stem_channels=4, base_channels=4)
    channels = 4 * 2 ** (model.backbone.get('num_stages', 4) - 1)
    model.neck.update(in_channels=channels, hid_channels=16, out_channels=8)
    model.head.predictor.update(in_channels=8, hid_channels=16, out_channels=8)


def shrink_cae(model):
    model.backbone.arch = VIT
    model.neck.update(embed_dims=WIDTH, num_heads=2, regressor_depth=1, decoder_depth=1)
    _stand_in(model)


def shrink_beit(model):
    model.backbone.arch = VIT
    model.head.embed_dims = WIDTH
    _stand_in(model)


def _stand_in(model):
    """DALL-E's encoder is a download: as many random codes, at its stride."""
    if model.target_generator.type == 'DALL-E':
        model.target_generator = dict(type='RandomProjectionTokenizer', num_codes=8192)


SHRINK = dict(
    SimMIM=shrink_simmim,
    MoCoV3=shrink_mocov3,
    MaskFeat=shrink_maskfeat,
    BYOL=shrink_byol,
    CAE=shrink_cae,
    GuidedCAE=shrink_cae,
    BEiT=shrink_beit,
)


def takes_a_step_of_mmpretrain(cfg, batch):
    """A finite loss, and every weight of the backbone that is trained has moved."""
    torch.manual_seed(0)
    np.random.seed(0)
    SHRINK[cfg.model.type](cfg.model)
    if (scorer := cfg.model.get('scorer')) and scorer.type == 'FrozenScorer':
        scorer.backbone.update(arch=dict(VIT, num_layers=12, num_heads=12), init_cfg=None)
    model = MODELS.build(dict(cfg.model, data_preprocessor=cfg.data_preprocessor))
    model.init_weights()
    hub = MessageHub.get_current_instance()  # averages of weights follow the training's length
    hub.update_info('iter', 0)
    hub.update_info('max_iters', 2)
    if cfg.optim_wrapper.type == 'AmpOptimWrapper':  # needs a GPU
        cfg.optim_wrapper.type = 'OptimWrapper'
        cfg.optim_wrapper.pop('loss_scale', None)
    wrapper = build_optim_wrapper(model, cfg.optim_wrapper)
    if schedule := cfg.default_hooks.get('schedule'):  # every path that it sets exists
        runner = SimpleNamespace(model=model, optim_wrapper=wrapper)
        HOOKS.build(schedule).before_train(runner)
    trained = [item for item in model.backbone.named_parameters() if item[1].requires_grad]
    before = {name: parameter.detach().clone() for name, parameter in trained}
    assert len(before) > 10
    logs = model.train_step(batch, wrapper)
    assert all(torch.isfinite(value).all() for value in logs.values()), logs
    for name, parameter in trained:
        assert torch.isfinite(parameter).all() and not torch.equal(parameter, before[name]), name
