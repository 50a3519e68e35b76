"""Frozen features of backbones of mmpretrain's own pre-trainings."""

import pytest
import torch
from mmpretrain.registry import MODELS

from mmmask.evaluation.features import FeatureEncoder
from mmmask.utils.errors import UserError

ARCH = dict(embed_dims=12, num_layers=2, num_heads=2, feedforward_channels=24)
VIT = dict(arch=ARCH, img_size=16, patch_size=4)


def images(size=3):
    return torch.randint(0, 256, (size, 3, 16, 16), generator=torch.Generator().manual_seed(0))


def build(type, **options):
    backbone = MODELS.build(dict(type=type, **options))
    generator = torch.Generator().manual_seed(1)
    for parameter in backbone.parameters():
        parameter.data.normal_(0, 0.3, generator=generator)
    for module in backbone.modules():
        module.training = False
    return backbone


def encode(backbone, feature):
    batch = dict(inputs=images().float() / 255, data_samples=None)
    return FeatureEncoder(backbone, lambda data: data, feature)(batch), batch['inputs']


@pytest.mark.parametrize('kind', ['MAEViT', 'MaskFeatViT', 'CAEPretrainViT', 'BEiTPretrainViT'])
@pytest.mark.parametrize('feature', ['cls', 'gap', 'gap_normed'])
def test_a_masking_vit_sees_the_whole_image(kind, feature):
    scale = {} if kind in ('MAEViT', 'MaskFeatViT') else dict(layer_scale_init_value=0.1)
    vit = build(kind, out_type='raw', **VIT, **scale)
    features, inputs = encode(vit, feature)
    vit.final_norm = feature != 'gap'
    plain = super(type(vit), vit).forward(inputs)[-1]  # the parent knows no masks
    vit.final_norm = True
    expected = plain[:, 0] if feature == 'cls' else plain[:, 1:].mean(dim=1)
    torch.testing.assert_close(features, expected, rtol=0, atol=0)
    torch.testing.assert_close(features, encode(vit, feature)[0], rtol=0, atol=0)  # nothing random


def test_a_vit_that_gives_cls_alone():
    vit = build('MoCoV3ViT', **VIT)
    features, inputs = encode(vit, 'cls')
    vit.out_type = 'raw'
    torch.testing.assert_close(features, vit(inputs)[-1][:, 0], rtol=0, atol=0)
    mean = vit(inputs)[-1][:, 1:].mean(dim=1)
    vit.out_type = 'cls_token'
    torch.testing.assert_close(encode(vit, 'gap_normed')[0], mean, rtol=0, atol=0)
    assert vit.out_type == 'cls_token'


@pytest.mark.parametrize(
    'options',
    [
        dict(
            type='SimMIMSwinTransformer',
            arch=dict(embed_dims=4, depths=[1, 1], num_heads=[1, 1]),
            img_size=16,
            stage_cfgs=dict(block_cfgs=dict(window_size=2)),
            out_indices=(1,),
        ),
        dict(type='ResNet', depth=18, stem_channels=4, base_channels=4),
    ],
    ids=['Swin', 'ResNet'],
)
def test_a_network_of_maps_gives_the_mean_of_the_last_one(options):
    network = build(**options)
    features, inputs = encode(network, 'gap')
    masks = (None,) if options['type'].startswith('SimMIM') else ()
    maps = network(inputs, *masks)[-1]
    rows, columns = maps.shape[-2:]
    expected = sum(maps[:, :, i, j] for i in range(rows) for j in range(columns)) / rows / columns
    torch.testing.assert_close(features, expected)
    with pytest.raises(UserError, match="gives no 'cls'.*feature='gap'"):
        encode(network, 'cls')


def test_one_picture_is_normalised_as_the_first_of_two():
    preprocessor = MODELS.build(
        dict(
            type='TwoNormDataPreprocessor',
            mean=[1.0, 2.0, 3.0],
            std=[2.0, 4.0, 8.0],
            second_mean=[0.0],
            second_std=[1.0],
            to_rgb=True,
        )
    )
    seen = []

    class Spy(torch.nn.Linear):
        def forward(self, inputs):
            seen.append(inputs)
            return (inputs,)

    FeatureEncoder(Spy(1, 1), preprocessor, 'gap')(dict(inputs=images(), data_samples=None))
    for channel, (mean, std) in enumerate([(1, 2), (2, 4), (3, 8)]):  # BGR to RGB first
        expected = (images()[:, 2 - channel].float() - mean) / std
        torch.testing.assert_close(seen[0][:, channel], expected)
