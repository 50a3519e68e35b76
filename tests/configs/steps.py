"""Steps of every kind of pre-training, checked: as the config has it, or with a small network."""

import copy
import random
import re
from types import SimpleNamespace

import numpy as np
import torch
from mmcv.transforms import Compose
from mmengine.dataset import default_collate
from mmengine.logging import MessageHub
from mmengine.optim import build_optim_wrapper
from mmengine.registry import MODELS
from mmpretrain.registry import HOOKS, TRANSFORMS

WIDTH = 12
VIT = dict(embed_dims=WIDTH, num_layers=2, num_heads=2, feedforward_channels=24)


def batch_of(cfg, size=2):
    """Random images through the config's own augmentation."""
    first, *steps = cfg.train_dataloader.dataset.pipeline
    assert first.type == 'LoadImageFromFile'
    pipeline = Compose([TRANSFORMS.build(step) for step in steps])
    generator = np.random.RandomState(0)
    images = generator.randint(0, 256, (size, 96, 80, 3)).astype(np.uint8)
    return default_collate([pipeline(dict(img=image)) for image in images])


def start(cfg, steps=2):
    """The model and the optimiser of a config, as a training of so many steps starts with them."""
    torch.manual_seed(0)
    np.random.seed(0), random.seed(0)
    if (scorer := cfg.model.get('scorer')) and scorer.type == 'FrozenScorer':
        scorer.backbone.init_cfg = None  # the checkpoint is the user's to choose
    model = MODELS.build(dict(cfg.model, data_preprocessor=cfg.data_preprocessor))
    model.init_weights()
    hub = MessageHub.get_current_instance()  # averages of weights follow the training's length
    hub.update_info('iter', 0)
    hub.update_info('max_iters', steps)
    if cfg.optim_wrapper.type == 'AmpOptimWrapper':  # needs a GPU
        cfg.optim_wrapper.type = 'OptimWrapper'
        cfg.optim_wrapper.pop('loss_scale', None)
    wrapper = build_optim_wrapper(model, cfg.optim_wrapper)
    for name, hook in cfg.default_hooks.items():
        hook = HOOKS.build(hook) if name != 'visualization' else None  # draws nothing here
        if name == 'schedule':  # every path that it sets exists
            runner = SimpleNamespace(model=model, optim_wrapper=wrapper, param_schedulers=None)
            hook.before_train(runner)
    return model, wrapper


def checked_step(cfg, model, wrapper, batch):
    """Take a step: losses are finite, what is trained moves, and nothing else does."""
    before = copy.deepcopy(model.state_dict())
    logs = model.train_step(batch, wrapper)
    assert all(torch.isfinite(value).all() for value in logs.values()), logs
    assert all(torch.isfinite(value).all() for value in model.state_dict().values())
    moved = {n: not torch.equal(value, before[n]) for n, value in model.state_dict().items()}
    MOVES.get(cfg.model.type, backbone_moves)(cfg, model, logs, moved)
    return logs


def self_distillation_moves(cfg, model, logs, moved):
    """The student moves; only a hook moves the teacher's parameters."""
    assert {'loss', 'loss_cls'} <= logs.keys()
    for name, value in moved.items():
        fixed = name.endswith(('original0', 'relative_position_index'))
        if name.startswith('neck.') and cfg.model.head.get('cls_weight') == 0:
            continue  # no gradient: some of it decays, some stays
        if name.startswith('teacher.') and not re.search('running_|num_batches', name):
            assert not value, name
        elif not fixed and name not in ('backbone.mask_token',):  # by chance, nothing is masked
            assert value, name


def autoencoder_moves(cfg, model, logs, moved):
    """Trained parameters move, but for those of a decoder whose turn it isn't."""
    parts = {'loss_pixel'}
    if model.attention_decoder is not None and model.combine == 'sum':
        parts.add('loss_attention')
    if model.contrast is not None:
        parts.add('loss_contrast')
    assert {name for name in logs if name.startswith('loss_')} == parts
    idle = model.combine == 'alternate'
    assert not idle or cfg.find_unused_parameters
    for name, value in model.named_parameters():
        expected = value.requires_grad and not (idle and 'attention_' in name)
        assert moved[name] == expected, name


def backbone_moves(cfg, model, logs, moved):
    """Every trained weight of mmpretrain's own backbones moves."""
    trained = [n for n, value in model.backbone.named_parameters() if value.requires_grad]
    assert len(trained) > 10
    assert all(moved[f'backbone.{name}'] for name in trained)


MOVES = dict(SelfDistillation=self_distillation_moves, MaskedAutoencoder=autoencoder_moves)


def shrink(cfg):
    """The same method with a network that takes a step in milliseconds."""
    SHRINK[cfg.model.type](cfg.model)
    scorer = cfg.model.get('scorer')
    if scorer and scorer.type == 'FrozenScorer':  # as many blocks and heads as are read
        scorer.backbone.arch = dict(
            embed_dims=24, num_layers=12, num_heads=12, feedforward_channels=24
        )


def shrink_self_distillation(model):
    arch, width = dict(VIT), WIDTH
    if blocks := (model.get('scorer') or {}).get('attention', {}).get('blocks'):
        arch['num_layers'] = max(2, 1 + max(blocks))
    if model.backbone.type == 'MaskedSwinTransformer':  # as many stages
        given, width = model.backbone.arch, 16
        stages = 4 if given == 'tiny' else len(given['depths'])
        arch = dict(embed_dims=width >> (stages - 1), depths=[1] * stages, num_heads=[1] * stages)
    model.backbone.arch = arch
    model.neck.update(in_channels=width, hidden_channels=16, bottleneck_channels=8, out_channels=32)
    model.head.out_channels = 32
    if restoration := model.get('restoration'):
        restoration.decoder.update(in_channels=width, channels=4)


def shrink_autoencoder(model):
    model.backbone.arch = VIT
    if model.backbone.type == 'MaskedConvMAE':
        model.backbone.arch = dict(embed_dims=(4, 8, WIDTH), depths=(1, 1, 2), num_heads=2)
    for name in {'neck', 'attention_decoder'} & set(model):
        model[name].update(
            embed_dim=WIDTH, decoder_embed_dim=8, decoder_depth=1, decoder_num_heads=2
        )
    if contrast := model.get('contrast'):
        contrast.update(in_channels=WIDTH, hidden_channels=16, out_channels=8)


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
    model.neck.update(embed_dims=2 * WIDTH, num_heads=2, regressor_depth=1, decoder_depth=1)
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
    SelfDistillation=shrink_self_distillation,
    MaskedAutoencoder=shrink_autoencoder,
    SimMIM=shrink_simmim,
    MoCoV3=shrink_mocov3,
    MaskFeat=shrink_maskfeat,
    BYOL=shrink_byol,
    GuidedCAE=shrink_cae,
    WideCAE=shrink_cae,
    BEiT=shrink_beit,
)
