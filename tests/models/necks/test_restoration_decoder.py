"""MST's decoder against loops over pixels."""

import pytest
import torch

from mmmask.models.necks import RestorationDecoder


def convolve(image, weight, bias):
    """(C, h, w) by 3 x 3, zeros around."""
    channels, height, width = image.shape
    out = torch.zeros(len(weight), height, width, dtype=image.dtype)
    for o in range(len(weight)):
        for y in range(height):
            for x in range(width):
                total = bias[o]
                for dy in (-1, 0, 1):
                    for dx in (-1, 0, 1):
                        if 0 <= y + dy < height and 0 <= x + dx < width:
                            taps = weight[o, :, 1 + dy, 1 + dx]
                            total = total + (taps * image[:, y + dy, x + dx]).sum()
                out[o, y, x] = total
    return out


def enlarge(image):
    """Bilinear, by 2: each new pixel lies a quarter of a pixel beside an old one."""
    channels, height, width = image.shape
    out = torch.zeros(channels, 2 * height, 2 * width, dtype=image.dtype)
    for y in range(2 * height):
        for x in range(2 * width):
            near = (y // 2, x // 2)
            far_y = min(max(near[0] + (1 if y % 2 else -1), 0), height - 1)
            far_x = min(max(near[1] + (1 if x % 2 else -1), 0), width - 1)
            for row, row_share in ((near[0], 0.75), (far_y, 0.25)):
                for column, column_share in ((near[1], 0.75), (far_x, 0.25)):
                    out[:, y, x] += row_share * column_share * image[:, row, column]
    return out


def naive(decoder, tokens, grid):
    """(B, L, C) -> (B, 3, H, W) in training mode."""
    images = [token.T.reshape(-1, *grid) for token in tokens]
    for step in decoder.steps:
        none = torch.zeros(len(step.conv.weight), dtype=torch.float64)
        images = [convolve(image, step.conv.weight, none) for image in images]
        values = torch.stack(images)
        mean = values.mean(dim=(0, 2, 3))[:, None, None]
        variance = ((values - mean) ** 2).mean(dim=(0, 2, 3))[:, None, None]
        scale, shift = step.bn.weight[:, None, None], step.bn.bias[:, None, None]
        images = [
            enlarge(((image - mean) / (variance + 1e-5).sqrt() * scale + shift).clamp(min=0))
            for image in images
        ]
    return torch.stack(
        [convolve(i, decoder.to_image.weight, decoder.to_image.bias) for i in images]
    )


def build(*args, **kwargs):
    decoder = RestorationDecoder(*args, **kwargs).double()
    generator = torch.Generator().manual_seed(0)
    for parameter in decoder.parameters():
        parameter.data.normal_(generator=generator)
    return decoder


@pytest.mark.parametrize('grid', [(2, 3), (1, 1)])
def test_follows_the_loops(grid):
    decoder = build(3, stride=4, channels=(2, 4))
    generator = torch.Generator().manual_seed(1)
    tokens = torch.randn(2, grid[0] * grid[1], 3, generator=generator, dtype=torch.float64)
    with torch.no_grad():
        expected = naive(decoder, tokens, grid)
        found = decoder(tokens, grid)
    assert found.shape == (2, 3, 4 * grid[0], 4 * grid[1])
    torch.testing.assert_close(found, expected, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize('stride, steps', [(2, 1), (8, 3), (16, 4), (32, 5)])
def test_one_step_for_each_doubling(stride, steps):
    decoder = RestorationDecoder(6, stride, channels=4)
    assert len(decoder.steps) == steps
    assert decoder(torch.randn(2, 6, 6), (3, 2)).shape == (2, 3, 3 * stride, 2 * stride)


def test_widths():
    widths = [step.conv.out_channels for step in RestorationDecoder(384, 16).steps]
    assert widths == [256, 128, 64, 32]
    widths = [step.conv.out_channels for step in RestorationDecoder(768, 64).steps]
    assert widths == [256, 128, 64, 32, 16, 16]
    assert [s.conv.out_channels for s in RestorationDecoder(6, 8, channels=5).steps] == [5, 5, 5]


def test_names_are_the_same_with_synchronised_norms():
    names = [
        list(RestorationDecoder(6, 4, norm_cfg=dict(type=kind)).state_dict())
        for kind in ('BN', 'SyncBN')
    ]
    assert names[0] == names[1] and 'steps.1.bn.running_mean' in names[0]


def test_mistakes():
    for stride in (0, 1, 12, 14):
        with pytest.raises(ValueError, match=f'power of two, got {stride}'):
            RestorationDecoder(6, stride)
    with pytest.raises(ValueError, match='takes 3 steps, but channels has 2'):
        RestorationDecoder(6, 8, channels=(4, 4))
