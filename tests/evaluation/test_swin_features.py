"""Frozen features of a Swin, and its way to a plain Swin downstream."""

import pytest
import torch
from mmpretrain.registry import MODELS
from torch import nn

from mmmask.evaluation.features import FeatureEncoder
from mmmask.models.classifiers import LinearProbe
from mmmask.utils.errors import UserError

SWIN = dict(
    arch=dict(embed_dims=4, depths=[1, 2], num_heads=[1, 2]),
    img_size=16,
    patch_size=2,
    window_size=4,
)
BACKBONE = dict(type='MaskedSwinTransformer', **SWIN)


def batch(size=3):
    generator = torch.Generator().manual_seed(0)
    return dict(inputs=torch.randn(size, 3, 16, 16, generator=generator), data_samples=None)


def build(cfg=BACKBONE):
    backbone = MODELS.build(cfg)
    generator = torch.Generator().manual_seed(1)
    for parameter in backbone.parameters():
        parameter.data.normal_(0, 0.3, generator=generator)
    backbone.eval()
    return backbone


def test_knn_takes_the_mean_patch():
    swin = build()
    encode = FeatureEncoder(swin, lambda data: data, token='gap')
    assert encode(batch()).shape == (3, 8)
    tokens = swin(batch()['inputs'])[0]
    assert tokens.shape == (3, 17, 8)
    torch.testing.assert_close(encode(batch()), tokens[:, 1:].mean(dim=1), rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(encode(batch()), tokens[:, 0], rtol=1e-5, atol=1e-6)
    with pytest.raises(UserError, match="has no CLS token, .* set feature='gap'"):
        FeatureEncoder(swin, lambda data: data, token='cls')


def test_linear_probing_takes_the_mean_patch():
    probe = LinearProbe(BACKBONE, num_classes=5, n_last_blocks=1)
    features = probe.extract_feat(batch()['inputs'])
    tokens = probe.backbone(batch()['inputs'])[0]
    assert features.shape == (3, 8) and probe.heads[0].weight.shape == (5, 8)
    torch.testing.assert_close(features, tokens[:, 1:].mean(dim=1), rtol=1e-5, atol=1e-6)
    with pytest.raises(UserError, match='last stage only'):
        LinearProbe(BACKBONE, num_classes=5, n_last_blocks=2)


def test_a_plain_swin_takes_the_teachers_weights(tmp_path):
    trained = nn.Module()
    trained.backbone, trained.teacher = build(), nn.Module()
    trained.teacher.backbone = build()
    trained.teacher.backbone.norm1.weight.data += 1
    path = str(tmp_path / 'mst.pth')
    torch.save(dict(state_dict=trained.state_dict()), path)
    init_cfg = dict(type='Pretrained', checkpoint=path, source='auto')
    plain = MODELS.build(
        dict(type='mmpretrain.SwinTransformer', out_indices=(1,), init_cfg=init_cfg, **SWIN)
    )
    plain.init_weights()
    plain.eval()
    (maps,) = plain(batch()['inputs'])
    expected = trained.teacher.backbone(batch()['inputs'])[0][:, 1:]
    torch.testing.assert_close(maps.flatten(2).transpose(1, 2), expected, rtol=0, atol=0)
