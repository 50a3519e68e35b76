"""DINOv2's linear segmentation head against its equation."""

import pytest
import torch
from mmengine.registry import DefaultScope


def test_batch_norm_then_a_linear_layer():
    from mmseg.registry import MODELS

    DefaultScope._instance_dict.clear()
    DefaultScope.get_instance('mmseg head', scope_name='mmseg')
    generator = torch.Generator().manual_seed(0)
    config = dict(
        type='BatchNormLinearHead',
        in_channels=[2, 3],
        in_index=[0, 1],
        num_classes=4,
        norm_cfg=dict(type='BN'),
    )
    head = MODELS.build(config).double()
    assert {name.split('.')[0] for name in head.state_dict()} == {'bn', 'conv_seg'}
    for parameter in head.parameters():
        parameter.data = torch.randn(parameter.shape, generator=generator, dtype=torch.float64)
    maps = [torch.randn(2, c, 3, 3, generator=generator, dtype=torch.float64) for c in (2, 3)]
    head.train()
    found = head(maps)
    tokens = torch.cat(maps, dim=1).movedim(1, -1)  # (2, 3, 3, 5)
    pixels = tokens.reshape(-1, 5)
    mean = sum(pixels) / 18
    variance = sum((pixels - mean) ** 2) / 18
    normed = (tokens - mean) / (variance + head.bn.eps).sqrt() * head.bn.weight + head.bn.bias
    expected = normed @ head.conv_seg.weight[:, :, 0, 0].T + head.conv_seg.bias
    torch.testing.assert_close(found, expected.movedim(-1, 1))


def test_its_norm_is_synchronised():
    from mmmask.models.heads.batch_norm_linear_head import BatchNormLinearHead

    DefaultScope._instance_dict.clear()
    DefaultScope.get_instance('mmseg head', scope_name='mmseg')
    head = BatchNormLinearHead([2, 3], in_index=[0, 1], num_classes=4)
    assert isinstance(head.bn, torch.nn.SyncBatchNorm) and head.dropout is None
    with pytest.raises(TypeError, match='channels'):
        BatchNormLinearHead([2, 3], in_index=[0, 1], num_classes=4, channels=7)
