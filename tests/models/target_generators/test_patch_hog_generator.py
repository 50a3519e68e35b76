import math

import pytest
import torch
from mmpretrain.models.selfsup import HOGGenerator

from mmmask.models.target_generators import PatchHOGGenerator


def images(size, batch=2):
    return torch.randn(batch, 3, size, size, generator=torch.Generator().manual_seed(0))


def test_it_is_mmpretrains_where_that_one_works():
    expected = HOGGenerator()(images(224))
    assert expected.shape == (2, 196, 108)
    torch.testing.assert_close(PatchHOGGenerator()(images(224)), expected, rtol=0, atol=0)


def test_mixed_precision_leaves_the_targets_alone():
    generator = PatchHOGGenerator()
    with torch.autocast('cpu', torch.bfloat16):
        found = generator(images(32))
    assert found.dtype == torch.float32
    assert torch.equal(found, generator(images(32)))


def test_histograms_counted_pixel_by_pixel():
    size, patch, pool, bins, window = 16, 8, 4, 9, 16
    generator = PatchHOGGenerator(patch_size=patch, nbins=bins, pool=pool, gaussian_window=window)
    (image,) = images(size, batch=1)
    (found,) = generator(image[None])  # (L, channels bins cells cells)
    assert found.shape == (4, 3 * bins * 4)
    padded = torch.nn.functional.pad(image[None], (1, 1, 1, 1), mode='reflect')[0].double()
    weights = [
        math.exp(-0.5 * ((i - (window - 1) / 2) / (window // 2)) ** 2) for i in range(window)
    ]
    total = sum(weights) ** 2
    histograms = torch.zeros(3, size // pool, size // pool, bins, dtype=torch.float64)
    sobel = ((1, 0, -1), (2, 0, -2), (1, 0, -1))
    for c in range(3):
        for i in range(size):
            for j in range(size):
                around = padded[c, i : i + 3, j : j + 3]
                gx = sum(sobel[a][b] * around[a, b].item() for a in range(3) for b in range(3))
                gy = sum(sobel[b][a] * around[a, b].item() for a in range(3) for b in range(3))
                angle = math.floor(math.atan2(gx, gy) / math.pi * bins) % bins
                strength = math.hypot(gx, gy) * weights[i] * weights[j] / total
                histograms[c, i // pool, j // pool, angle] += strength
    histograms /= histograms.norm(dim=-1, keepdim=True)
    cells = patch // pool
    for row in range(2):
        for column in range(2):
            rows = slice(row * cells, (row + 1) * cells)
            columns = slice(column * cells, (column + 1) * cells)
            expected = histograms[:, rows, columns].permute(0, 3, 1, 2).flatten().float()
            torch.testing.assert_close(found[row * 2 + column], expected, rtol=1e-4, atol=1e-5)


def test_a_patch_is_made_of_whole_cells():
    with pytest.raises(ValueError, match='a patch of 16 has no cells of 6'):
        PatchHOGGenerator(patch_size=16, pool=6)
