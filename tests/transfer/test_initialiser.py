"""The initialiser loads everything or says in a line what doesn't fit."""

from __future__ import annotations

import copy
from pathlib import Path
from unittest import mock

import pytest
import torch
from mmdet.models.backbones import SwinTransformer
from mmengine.config import ConfigDict
from mmengine.model import BaseModule, PretrainedInit
from mmengine.registry import WEIGHT_INITIALIZERS
from mmengine.runner import CheckpointLoader
from mmpretrain.registry import MODELS
from mmseg.models.backbones import VisionTransformer
from tiny_backbones import (
    ARCH,
    CONFIG_TEXT,
    assert_same,
    below,
    build_vit,
    line,
    load,
    message_of,
    randomise,
    save,
)
from torch.nn.functional import interpolate

from mmmask.config.build import scope_of
from mmmask.config.init_cfg import was_loaded
from mmmask.config.read import read_config
from mmmask.transfer import Pretrained
from mmmask.transfer.initialiser import strict_loading
from mmmask.utils.errors import UserError

MMDET_SWIN = dict(embed_dims=8, depths=(1, 1), num_heads=(1, 2), strides=(4, 2), out_indices=(0, 1))
MMSEG_VIT = dict(
    img_size=32, patch_size=8, embed_dims=12, num_layers=2, num_heads=3, out_indices=(1,)
)
CONFIGS = Path(__file__).parents[2] / 'configs'


def test_replaces_mmengine_s():
    assert WEIGHT_INITIALIZERS.get('Pretrained') is Pretrained


@pytest.mark.parametrize('source, expected', [('auto', 1), ('teacher', 1), ('student', 0)])
def test_sources(checkpoint, student, teacher, log, source, expected):
    vit = load(checkpoint, init_cfg=dict(source=source))
    assert_same(vit, (student, teacher)[expected])
    side = ('student', 'teacher')[expected]
    assert line(log).startswith(
        f'loaded 42 of 42 tensors of VisionTransformer from {checkpoint} ({side}), ignored 47 ('
    )  # 43 of the other side, 3 heads, the mask token


def test_prefix_works_as_mmengine_s_but_strictly(checkpoint, student, teacher):
    assert_same(load(checkpoint, init_cfg=dict(prefix='backbone.')), student)
    assert_same(load(checkpoint, init_cfg=dict(prefix='teacher.backbone')), teacher)
    text = message_of(checkpoint, init_cfg=dict(prefix='encoder'))
    assert "no tensor below 'encoder.'" in text and "'teacher.backbone.'" in text
    text = message_of(checkpoint, init_cfg=dict(prefix='neck'))
    assert '42 missing in the file (cls_token, pos_embed,' in text
    assert '1 not in the config (mlp.0.weight)' in text
    text = message_of(checkpoint, init_cfg=dict(prefix='neck', source='student'))
    assert 'not both' in text


def test_masked_backbone_continues(checkpoint, teacher, log):
    assert_same(load(checkpoint, 'MaskedVisionTransformer'), teacher)
    assert 'loaded 43 of 43' in line(log)


def test_mmpretrain_model_and_bare_backbone(tmp_path, student, log):
    plain = build_vit()
    plain.load_state_dict({k: v for k, v in student.state_dict().items() if k != 'mask_token'})
    path = save(tmp_path, {**below('backbone.', plain), 'head.fc.weight': torch.zeros(1)})
    assert_same(load(path), plain)
    assert '(mmpretrain model), ignored 1 (head)' in line(log)
    assert any("doesn't tell its number of attention heads" in text for text in log)
    assert 'has no teacher' in message_of(path, init_cfg=dict(source='teacher'))
    log.clear()
    assert_same(load(save(tmp_path, plain.state_dict())), plain)
    assert 'loaded 42 of 42' in line(log) and 'ignored' not in line(log)
    log.clear()
    masked = load(path, 'MaskedVisionTransformer')
    assert_same(masked, plain, but=['mask_token'])
    assert line(log).endswith('left 1 as initialised (mask_token)')


def test_final_norm(checkpoint, teacher, log):
    vit = load(checkpoint, final_norm=False, out_type='featmap', out_indices=[0, 2])
    assert_same(vit, teacher)
    assert 'loaded 40 of 40' in line(log) and 'ln1' in line(log)
    vit = load(checkpoint, final_norm=False, out_type='avg_featmap')  # fine-tuning of a mean
    assert_same(vit, teacher, but=['ln2.weight', 'ln2.bias'])


@pytest.mark.parametrize(
    'options, said',
    [
        (dict(arch={**ARCH, 'num_layers': 2}), 'depth 3 in the file, 2 in the config'),
        (dict(arch={**ARCH, 'num_layers': 5}), 'depth 3 in the file, 5 in the config'),
        (dict(arch={**ARCH, 'embed_dims': 24}), 'embed_dims 12 in the file, 24 in the config'),
        (dict(patch_size=16), 'patch size 8 in the file, 16 in the config'),
        (dict(in_channels=1), 'image channels 3 in the file, 1 in the config'),
        (
            dict(arch={**ARCH, 'num_heads': 2}),
            'attention heads 3 in the file (from the config in the file), 2 in the config',
        ),
        (
            dict(arch={**ARCH, 'feedforward_channels': 48}),
            'MLP width 24 in the file, 48 in the config',
        ),
        (
            dict(qkv_bias=False),
            '3 not in the config (layers.0.attn.qkv.bias, layers.1.attn.qkv.bias, '
            'layers.2.attn.qkv.bias)',
        ),
        (dict(layer_scale_init_value=0.1), 'missing in the file (layers.0.'),
        (dict(with_cls_token=False, out_type='featmap'), '1 not in the config (cls_token)'),
        (dict(type='MAEViT'), 'MAEViT overwrites '),
    ],
)
def test_another_architecture(checkpoint, options, said):
    assert said in message_of(checkpoint, **options)


def test_vit_into_swin(checkpoint):
    swin = dict(type='mmpretrain.SwinTransformer', arch='tiny')
    swin = MODELS.build(dict(init_cfg=dict(type='Pretrained', checkpoint=str(checkpoint)), **swin))
    with pytest.raises(UserError, match="doesn't fit SwinTransformer: embed_dims 12 in the file"):
        swin.init_weights()


def test_missing_and_extra_tensors_are_named(tmp_path, content):
    state_dict = copy.copy(content['state_dict'])
    del state_dict['teacher.backbone.layers.1.ln1.bias']
    state_dict['teacher.backbone.layers.1.extra'] = torch.zeros(1)
    path = save(tmp_path, state_dict, CONFIG_TEXT)
    text = message_of(path)
    assert '1 missing in the file (layers.1.ln1.bias)' in text
    assert '1 not in the config (layers.1.extra)' in text


def test_without_cls_token_only_when_allowed(checkpoint, teacher):
    allow = dict(unexpected=['cls_token'])
    options = dict(with_cls_token=False, out_type='featmap')
    vit = load(checkpoint, init_cfg=dict(allow=allow), **options)
    assert torch.equal(vit.pos_embed, teacher.pos_embed[:, 1:])


def test_init_cfg_as_a_list(checkpoint, teacher):
    others = [
        dict(type='Constant', layer='Linear', val=1.0),
        dict(type='TruncNormal', layer='Conv2d'),
    ]
    init_cfg = [dict(type='Pretrained', checkpoint=str(checkpoint)), *others]
    assert_same(load(checkpoint, init_cfg=init_cfg), teacher)
    assert_same(load(checkpoint, init_cfg=init_cfg[::-1]), teacher)


def test_mmengine_s_class_as_a_type(checkpoint, teacher):
    init_cfg = [dict(type=PretrainedInit, checkpoint=str(checkpoint))]
    assert_same(load(checkpoint, init_cfg=init_cfg), teacher)
    with pytest.raises(UserError, match='depth 3 in the file, 2'):
        load(checkpoint, init_cfg=init_cfg, arch={**ARCH, 'num_layers': 2})


def test_a_scope_in_the_type_works_within_the_launcher(checkpoint, teacher):
    """mmengine runs such a one before the blocks are initialised; alone, that is an error."""
    init_cfg = dict(type='mmengine.Pretrained', checkpoint=str(checkpoint))
    text = message_of(checkpoint, init_cfg=[init_cfg])
    assert 'init_cfg.type mmengine.Pretrained runs before' in text
    vit = build_vit(init_cfg=init_cfg)
    with strict_loading(vit):
        vit.init_weights()
    assert_same(vit, teacher)


def test_a_module_tells_that_it_was_loaded(checkpoint):
    class Careless(BaseModule):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.fc = torch.nn.Linear(2, 2)

        def init_weights(self):
            pass

    careless = Careless(init_cfg=dict(type='Pretrained', checkpoint=str(checkpoint)))
    careless.init_weights()
    assert not was_loaded(careless)
    assert was_loaded(load(checkpoint))


def test_random_numbers_are_left_alone(checkpoint):
    torch.manual_seed(0)
    load(checkpoint, init_cfg=dict(source='student'))
    first = torch.rand(1)
    torch.manual_seed(0)
    load(checkpoint, init_cfg=dict(source='teacher'))
    assert torch.equal(first, torch.rand(1))


def test_position_embeddings_are_interpolated(checkpoint, teacher, log):
    vit = load(checkpoint, img_size=(64, 32))
    assert 'resized 1 (pos_embed 6x6 -> 8x4)' in line(log)
    square = teacher.pos_embed[:, 1:].reshape(1, 6, 6, 12).permute(0, 3, 1, 2)
    expected = interpolate(square, size=(8, 4), mode='bicubic', align_corners=False)
    assert torch.equal(vit.pos_embed[:, 1:], expected.flatten(2).transpose(1, 2))
    assert torch.equal(vit.pos_embed[:, :1], teacher.pos_embed[:, :1])


def test_position_embeddings_of_grids_that_are_not_square(tmp_path, log):
    text = CONFIG_TEXT.replace('img_size=48', 'img_size=(16, 64)')
    wide = randomise(build_vit(img_size=(16, 64)), 2)
    path = save(tmp_path, below('backbone.', wide), text)
    vit = load(path, img_size=(64, 16))  # as many tokens, another grid
    grid = wide.pos_embed[:, 1:].reshape(1, 2, 8, 12).permute(0, 3, 1, 2)
    expected = interpolate(grid, size=(8, 2), mode='bicubic', align_corners=False)
    assert torch.equal(vit.pos_embed[:, 1:], expected.flatten(2).transpose(1, 2))
    assert 'pos_embed 2x8 -> 8x2' in line(log)
    path = save(tmp_path, below('backbone.', randomise(build_vit(img_size=(16, 48)), 2)))
    assert 'no square grid' in message_of(path)  # no metadata
    load(path, img_size=(16, 48))  # not needed for the same number of tokens


def test_wrong_source(checkpoint):
    assert "not 'techer'" in message_of(checkpoint, init_cfg=dict(source='techer'))


def test_no_checkpoint(tmp_path, checkpoint):
    assert 'model.backbone.init_cfg=None' in message_of('SET-ME')
    init_cfg = [dict(type='Pretrained', checkpoint=None)]
    assert 'model.backbone.init_cfg=None' in message_of(None, init_cfg=init_cfg)
    assert 'There is no checkpoint' in message_of(tmp_path / 'nowhere.pth')
    (tmp_path / 'cut.pth').write_bytes(checkpoint.read_bytes()[:3000])
    assert 'truncated' in message_of(tmp_path / 'cut.pth')


def test_resnet_takes_torchvision_s_files(tmp_path, log):
    """The initialiser of upstream's configs: everything but the classifier."""
    import torchvision

    source = randomise(torchvision.models.resnet18(), 3)
    torch.save(source.state_dict(), tmp_path / 'resnet18.pth')
    init_cfg = dict(type='Pretrained', checkpoint=str(tmp_path / 'resnet18.pth'))
    resnet = MODELS.build(dict(type='mmpretrain.ResNet', depth=18, init_cfg=init_cfg))
    resnet.init_weights()
    assert_same(resnet, source)
    assert 'ignored 2 (fc)' in line(log)
    resnet = MODELS.build(dict(type='mmpretrain.ResNet', depth=34, init_cfg=init_cfg))
    with pytest.raises(UserError, match="doesn't fit ResNet: .* missing in the file"):
        resnet.init_weights()


def test_swin_s_index_buffers(tmp_path, log):
    arch = dict(embed_dims=8, depths=[1, 1], num_heads=[1, 2])
    swin = dict(type='mmpretrain.SwinTransformer', arch=arch, out_indices=[1], img_size=56)
    source = randomise(MODELS.build(swin), 4)
    state_dict = source.state_dict()
    for name in [name for name in state_dict if name.endswith('relative_position_index')]:
        del state_dict[name]
    init_cfg = dict(type='Pretrained', checkpoint=str(save(tmp_path, state_dict)))
    target = MODELS.build(dict(init_cfg=init_cfg, **swin))
    target.init_weights()
    assert_same(target, source)
    assert 'left 2 as initialised (stages.0.' in line(log)


def test_plain_modules(tmp_path):
    class Net(BaseModule):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.fc = torch.nn.Linear(2, 2)

    source = Net()
    path = save(tmp_path, source.state_dict())
    net = Net(init_cfg=dict(type='Pretrained', checkpoint=str(path)))
    net.init_weights()
    assert torch.equal(net.fc.weight, source.fc.weight)


def test_both_networks_of_a_pretraining_start_from_it(checkpoint, teacher):
    cfg = read_config(str(CONFIGS / 'demo' / 'attmask-high-ibot_vit-demo_material-scenes.py'))
    init_cfg = dict(type='Pretrained', checkpoint=str(checkpoint))
    cfg.model.backbone.update(arch=ARCH, img_size=48, patch_size=8, init_cfg=init_cfg)
    cfg.model.neck.in_channels = ARCH['embed_dims']
    with scope_of(cfg):
        model = MODELS.build(cfg.model)
        model.init_weights()
    assert_same(model.backbone, teacher)
    assert_same(model.teacher.backbone, teacher)


def save_without(tmp_path, module, but='none') -> str:
    content = {n: v for n, v in below('backbone.', module).items() if but not in n}
    torch.save(dict(state_dict=content), tmp_path / 'c.pth')
    return str(tmp_path / 'c.pth')


def initialise(module) -> None:
    with strict_loading(module):
        module.init_weights()


@pytest.mark.parametrize(
    'kind', ['Pretrained', 'mmengine.Pretrained', PretrainedInit, Pretrained], ids=str
)
def test_mmdet_s_swin(tmp_path, kind):
    source = randomise(SwinTransformer(**MMDET_SWIN, window_size=4), 1)
    init_cfg = ConfigDict(type=kind, checkpoint=save_without(tmp_path, source))
    swin = SwinTransformer(**MMDET_SWIN, window_size=4, init_cfg=init_cfg)
    initialise(swin)
    loaded = swin.state_dict()
    assert all(torch.equal(loaded[name], value) for name, value in source.state_dict().items())
    assert was_loaded(swin) and 'init_weights' not in vars(swin)
    save_without(tmp_path, source, but='stages.1.blocks.0.ffn')
    swin = SwinTransformer(**MMDET_SWIN, window_size=4, init_cfg=init_cfg)
    with pytest.raises(UserError, match='4 missing in the file .stages.1.blocks.0.ffn'):
        initialise(swin)


def test_mmseg_s_vit_with_a_list(tmp_path):
    """Its own loader would run behind the strict one, to look whether values last."""
    source = randomise(VisionTransformer(**MMSEG_VIT), 1)
    init_cfg = [dict(type='Pretrained', checkpoint=save_without(tmp_path, source))]
    for start in (initialise, VisionTransformer.init_weights):
        vit = VisionTransformer(**MMSEG_VIT, init_cfg=init_cfg)
        with mock.patch.object(CheckpointLoader, 'load_checkpoint') as own:
            start(vit)
        assert not own.called
        loaded = vit.state_dict()
        assert all(torch.equal(loaded[name], value) for name, value in source.state_dict().items())
