"""Every backbone that masks patches keeps the protocol; an algorithm names one that doesn't."""

import pytest
import torch
from mmpretrain.models.backbones import ResNet
from mmpretrain.registry import MODELS
from tiny_network import SELF_DISTILLATION
from torch import Tensor, nn

from mmmask.models.backbones import (
    MaskedCAEViT,
    MaskedConvMAE,
    MaskedSwinTransformer,
    MaskedVisionTransformer,
)
from mmmask.models.backbones.protocol import (
    MaskedEncoder,
    check_global_token,
    check_masked_encoder,
)
from mmmask.utils.errors import UserError

VIT = dict(
    arch=dict(embed_dims=8, num_layers=2, num_heads=2, feedforward_channels=16),
    img_size=16,
    patch_size=4,
)
ENCODERS = {
    'replacing ViT': lambda: MaskedVisionTransformer(**VIT),
    'dropping ViT': lambda: MaskedVisionTransformer(**VIT, mask_mode='drop'),
    'Swin': lambda: MaskedSwinTransformer(
        dict(embed_dims=8, depths=[1, 1], num_heads=[2, 2]), 16, 2, window_size=2, mask_stride=8
    ),
    'ConvMAE': lambda: MaskedConvMAE(
        dict(embed_dims=(4, 8, 8), depths=(1, 1, 2), num_heads=2), 16, (2, 2, 1)
    ),
    'CAE': lambda: MaskedCAEViT(**VIT, layer_scale_init_value=0.1),
}


@pytest.mark.parametrize('make', ENCODERS.values(), ids=ENCODERS.keys())
def test_masked_backbones_keep_the_protocol(make):
    torch.manual_seed(0)
    encoder = make()
    encoder.eval()
    assert isinstance(encoder, MaskedEncoder)
    check_masked_encoder(nn.Identity(), encoder, encoder.mask_mode)
    check_global_token(nn.Identity(), encoder)
    assert tuple(encoder.img_size) == (16, 16)
    assert not (encoder.with_cls_token and encoder.first_is_mean)
    (rows, columns), (down, across) = encoder.grid(16, 16), encoder.token_grid(16, 16)
    cells, tokens = rows * columns, down * across
    images = torch.randn(3, 3, 16, 16)

    whole = encoder(images)[-1]
    assert whole.shape[:2] == (3, 1 + tokens)
    if encoder.first_is_mean:
        torch.testing.assert_close(whole[:, 0], whole[:, 1:].mean(dim=1))

    mask = torch.arange(cells).expand(3, cells) < cells // 4
    masked = encoder(images, mask)
    masked = masked if isinstance(masked, Tensor) else masked[-1]  # CAE's is no tuple
    out = tokens if encoder.mask_mode == 'replace' else cells - cells // 4
    assert masked.shape == (3, 1 + out, whole.shape[2])


@pytest.mark.parametrize(
    'backbone, mode, message',
    [
        (lambda: ResNet(18), 'drop', 'not ResNet: set backbone.type to MaskedVisionTransformer'),
        (ENCODERS['Swin'], 'drop', "set backbone.mask_mode='drop'"),
        (ENCODERS['ConvMAE'], 'replace', "set backbone.mask_mode='replace'"),
        (
            lambda: MaskedVisionTransformer(**VIT, with_mask_token=False),
            'replace',
            'set backbone.with_mask_token=True',
        ),
    ],
)
def test_a_backbone_that_does_not_fit_is_an_error_with_its_remedy(backbone, mode, message):
    with pytest.raises(UserError, match=message):
        check_masked_encoder(nn.Identity(), backbone(), mode)


@pytest.mark.parametrize('masker', [None, dict(type='RandomMasker')], ids=['DINO', 'masked'])
def test_a_patch_is_not_taken_for_the_cls_token(masker):
    backbone = {**SELF_DISTILLATION['backbone'], 'with_cls_token': False}
    parts = {**SELF_DISTILLATION, 'backbone': backbone, 'masker': masker, 'scorer': None}
    parts['head'] = {**parts['head'], 'patch_weight': 0.0}
    with pytest.raises(UserError, match='SelfDistillation takes the first token for the CLS token'):
        MODELS.build(parts)
    backbone['with_cls_token'] = True
    MODELS.build(parts)
