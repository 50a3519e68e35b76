"""Sizes by hand, values against the same operations written out in float64."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from mmdet.registry import MODELS as DETECTION
from mmpretrain.registry import MODELS
from mmseg.registry import MODELS as SEGMENTATION


def build(type: str, registry=MODELS, **options):
    return registry.build(dict(type=f'mmpretrain.{type}', **options))


def test_sizes_of_vitdet_s_pyramid():
    neck = build('SimpleFeaturePyramid', in_channels=8, out_channels=6, num_outs=6)
    outputs = neck([torch.randn(2, 8, 4, 6)])
    # x 4, x 2, x 1, x 1/2, then every second value: 2 x 3 -> 1 x 2 -> 1 x 1
    sizes = [(16, 24), (8, 12), (4, 6), (2, 3), (1, 2), (1, 1)]
    assert [tuple(x.shape) for x in outputs] == [(2, 6, *size) for size in sizes]
    assert torch.equal(outputs[4], outputs[3][:, :, ::2, ::2])


def test_number_of_parameters():
    neck = build('SimpleFeaturePyramid', in_channels=8, out_channels=6, num_outs=4)
    out = 6 * 6 * 9 + 2 * 2 * 6  # the 3 x 3 convolution without bias and two norms
    counts = [
        (8 * 4 * 4 + 4) + 2 * 4 + (4 * 2 * 4 + 2) + 2 * 6 + out,  # C -> C/2 -> C/4 -> D
        (8 * 4 * 4 + 4) + 4 * 6 + out,  # C -> C/2 -> D
        8 * 6 + out,
        8 * 6 + out,
    ]
    assert [sum(p.numel() for p in level.parameters()) for level in neck.levels] == counts


def up(y, module):  # each value becomes a 2 x 2 block
    blocks = torch.einsum('bchw,cdij->bdhiwj', y, module.weight)
    return blocks.flatten(4, 5).flatten(2, 3) + module.bias.view(1, -1, 1, 1)


def half_of(x):
    return x.unflatten(2, (-1, 2)).unflatten(4, (-1, 2)).amax((3, 5))


def layer_norm(x, module):
    mean = x.mean(1, keepdim=True)
    variance = ((x - mean) ** 2).mean(1, keepdim=True)
    weight, bias = (p.view(1, -1, 1, 1) for p in (module.weight, module.bias))
    return (x - mean) / (variance + 1e-6).sqrt() * weight + bias


def test_values_of_vitdet_s_pyramid():
    torch.manual_seed(0)
    neck = build('SimpleFeaturePyramid', in_channels=8, out_channels=6, num_outs=4).double()
    x = torch.randn(2, 8, 4, 4, dtype=torch.float64)
    for parameter in neck.parameters():
        torch.nn.init.normal_(parameter)
    four, two, one, half = neck.levels

    def project(y, level):
        y = layer_norm(F.conv2d(y, level[-4].weight), level[-3])
        return layer_norm(F.conv2d(y, level[-2].weight, padding=1), level[-1])

    expected = [
        project(up(F.gelu(layer_norm(up(x, four[0]), four[1])), four[3]), four),
        project(up(x, two[0]), two),
        project(x, one),
        project(half_of(x), half),
    ]
    for output, reference in zip(neck([x]), expected):
        torch.testing.assert_close(output, reference, rtol=1e-10, atol=1e-10)


def test_fewer_scales():
    neck = build('SimpleFeaturePyramid', in_channels=8, out_channels=4, scales=(2, 1), num_outs=3)
    assert [x.shape[-1] for x in neck([torch.randn(1, 8, 4, 4)])] == [8, 4, 2]


def test_ibot_s_pyramid():
    neck = build('BlockFeaturePyramid', in_channels=8, norm_cfg=dict(type='BN'))
    inputs = [torch.randn(2, 8, 4, 6) for _ in range(4)]
    outputs = neck(inputs)
    sizes = [(16, 24), (8, 12), (4, 6), (2, 3)]
    assert [tuple(x.shape) for x in outputs] == [(2, 8, *size) for size in sizes]
    assert torch.equal(outputs[2], inputs[2])
    assert torch.equal(outputs[3], F.max_pool2d(inputs[3], 2))
    counts = [sum(p.numel() for p in level.parameters()) for level in neck.levels]
    assert counts == [2 * (8 * 8 * 4 + 8) + 2 * 8, 8 * 8 * 4 + 8, 0, 0]


def group_norm(x, module):
    groups = x.unflatten(1, (module.num_groups, -1))
    mean = groups.mean((2, 3, 4), keepdim=True)
    variance = ((groups - mean) ** 2).mean((2, 3, 4), keepdim=True)
    weight, bias = (p.view(1, -1, 1, 1) for p in (module.weight, module.bias))
    return ((groups - mean) / (variance + 1e-5).sqrt()).flatten(1, 2) * weight + bias


def test_values_of_the_pyramid_of_detection_transfer():
    """arXiv 2111.11429, Section 2: x 4 with a group norm and GELU between, x 2, x 1, x 1/2."""
    torch.manual_seed(0)
    norm_cfg = dict(type='GN', num_groups=4)
    neck = build('BlockFeaturePyramid', in_channels=8, norm_cfg=norm_cfg).double()
    for parameter in neck.parameters():
        torch.nn.init.normal_(parameter)
    maps = list(torch.randn(4, 2, 8, 4, 6, dtype=torch.float64))
    (first, norm, _, second), (two,) = neck.levels[:2]
    expected = [
        up(F.gelu(group_norm(up(maps[0], first), norm)), second),
        up(maps[1], two),
        maps[2],
        half_of(maps[3]),
    ]
    for output, reference in zip(neck(maps), expected, strict=True):
        torch.testing.assert_close(output, reference, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize('registry', [DETECTION, SEGMENTATION])
def test_found_from_other_scopes(registry):
    neck = build('SimpleFeaturePyramid', registry, in_channels=8, out_channels=4)
    assert len(neck([torch.randn(1, 8, 2, 2)])) == 5


def test_wrong_use():
    maps = [torch.randn(1, 8, 4, 4)] * 2
    with pytest.raises(ValueError, match='not 2 maps: set backbone.out_indices=-1'):
        build('SimpleFeaturePyramid', in_channels=8)(maps)
    with pytest.raises(ValueError, match='4 scales, but takes 2 maps'):
        build('BlockFeaturePyramid', in_channels=8, norm_cfg=dict(type='BN'))(maps)
    with pytest.raises(ValueError, match='num_outs=2 is less'):
        build('SimpleFeaturePyramid', in_channels=8, num_outs=2)
    with pytest.raises(ValueError, match='not 3'):
        build('SimpleFeaturePyramid', in_channels=8, scales=(3, 1))
