"""Checkpoints of mmpretrain's own pre-trainings load, complete, into plain networks downstream."""

from pathlib import Path

import pytest
import torch
from mmengine.registry import DefaultScope
from mmpretrain.registry import MODELS

from mmmask.config.read import read_config
from mmmask.evaluation.features import FeatureEncoder

DEMOS = Path(__file__).parents[2] / 'configs' / 'demo'
VIT = dict(
    arch=dict(embed_dims=64, num_layers=3, num_heads=2, feedforward_channels=256),
    img_size=32,
    patch_size=8,
    out_type='raw',
)
BEIT = dict(type='BEiTViT', layer_scale_init_value=0.1, bias='qv_bias', final_norm=True, **VIT)
PLAIN = {
    'mae_vit': (dict(type='VisionTransformer', **VIT), 'cls'),
    'mocov3_vit': (dict(type='VisionTransformer', **VIT), 'cls'),
    'maskfeat_vit': (
        dict(type='VisionTransformer', norm_cfg=dict(type='LN', eps=1e-6), **VIT),
        'cls',
    ),
    'cae_vit': (dict(use_abs_pos_emb=True, use_rel_pos_bias=False, **BEIT), 'cls'),
    'gpa-cae_vit': (dict(use_abs_pos_emb=True, use_rel_pos_bias=False, **BEIT), 'cls'),
    'beit_vit': (
        dict(use_abs_pos_emb=False, use_rel_pos_bias=False, use_shared_rel_pos_bias=True, **BEIT),
        'cls',
    ),
    'simmim_swin': (
        dict(
            type='SwinTransformer',
            arch=dict(embed_dims=32, depths=[1, 2], num_heads=[1, 2]),
            img_size=32,
            out_indices=(1,),
            stage_cfgs=dict(block_cfgs=dict(window_size=4)),
        ),
        'gap',
    ),
    'byol_resnet': (
        dict(
            type='ResNet',
            depth=18,
            num_stages=3,
            strides=(1, 2, 2),
            dilations=(1, 1, 1),
            out_indices=(2,),
            stem_channels=16,
            base_channels=16,
        ),
        'gap',
    ),
    'convmae_conv': (
        dict(
            type='MaskedConvMAE',
            arch=dict(embed_dims=(16, 32, 64), depths=(1, 1, 2), num_heads=2),
            img_size=32,
            strides=(2, 2, 2),
        ),
        'gap',
    ),
}


def features(backbone, feature):
    backbone.train(False)
    images = torch.randn(2, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    encode = FeatureEncoder(backbone, lambda data: data, feature)
    return encode(dict(inputs=images, data_samples=None))


@pytest.mark.parametrize('demo', PLAIN)
def test_a_plain_network_computes_the_same(demo, tmp_path):
    cfg = read_config(str(DEMOS / f'{demo}-demo_material-scenes.py'))
    with DefaultScope.overwrite_default_scope('mmpretrain'):
        trained = MODELS.build(dict(cfg.model, data_preprocessor=cfg.data_preprocessor))
    trained.init_weights()
    generator = torch.Generator().manual_seed(1)
    for parameter in trained.backbone.parameters():
        parameter.data.normal_(0, 0.2, generator=generator)
    path = str(tmp_path / 'demo.pth')
    torch.save(dict(state_dict=trained.state_dict()), path)
    plain, feature = PLAIN[demo]
    init_cfg = dict(type='Pretrained', checkpoint=path, source='auto')
    with DefaultScope.overwrite_default_scope('mmpretrain'):
        loaded = MODELS.build(dict(plain, init_cfg=init_cfg))
    loaded.init_weights()
    torch.testing.assert_close(
        features(loaded, feature), features(trained.backbone, feature), rtol=0, atol=0
    )
