import numpy as np
import pytest
import torch

from mmmask.models.target_generators import RandomProjectionTokenizer


def images(rows=2, columns=3, patch=4, batch=2):
    shape = (batch, 3, rows * patch, columns * patch)
    return torch.randn(shape, generator=torch.Generator().manual_seed(0)) * 3 + 1


def build(**options):
    return RandomProjectionTokenizer(num_codes=50, patch_size=4, code_channels=5, **options)


def test_tokens_are_the_nearest_codes():
    tokenizer, batch = build(seed=7), images()
    similarities = tokenizer(batch)
    assert similarities.shape == (2, 50, 2, 3) and similarities.dtype == torch.float32
    projection, codes = tokenizer.projection.double().numpy(), tokenizer.codes.double().numpy()
    tokens = similarities.argmax(dim=1)
    for b in range(2):
        for row in range(2):
            for column in range(3):
                patch = batch[b, :, row * 4 : row * 4 + 4, column * 4 : column * 4 + 4]
                values = patch.double().numpy().reshape(-1)
                projected = projection @ values
                projected /= np.linalg.norm(projected)
                distances = np.linalg.norm(
                    codes / np.linalg.norm(codes, axis=1)[:, None] - projected, axis=1
                )
                assert tokens[b, row, column] == distances.argmin()
                cosines = torch.from_numpy(1 - distances**2 / 2).float()
                torch.testing.assert_close(
                    similarities[b, :, row, column], cosines, rtol=1e-4, atol=1e-5
                )


def test_the_contrast_of_a_patch_does_not_matter():
    tokenizer, batch = build(), images()
    torch.testing.assert_close(tokenizer(2 * batch), tokenizer(batch))
    assert (tokenizer(torch.zeros(1, 3, 4, 4)) == 0).all()  # no direction: the first code


def test_a_seed_says_everything():
    state = torch.get_rng_state()
    first, same, other = build(seed=3), build(seed=3), build(seed=4)
    assert torch.equal(torch.get_rng_state(), state)  # the global generator isn't touched
    assert torch.equal(first(images()), same(images()))
    assert not torch.equal(first(images()).argmax(1), other(images()).argmax(1))
    assert not list(first.parameters()) and set(first.state_dict()) == {'projection', 'codes'}
    other.load_state_dict(first.state_dict())  # a checkpoint brings its own
    assert torch.equal(first(images()), other(images()))


def test_the_draws_are_of_the_named_distributions():
    tokenizer = RandomProjectionTokenizer(num_codes=2000, patch_size=8, code_channels=16)
    limit = (6 / (192 + 16)) ** 0.5
    assert tokenizer.projection.shape == (16, 192)
    assert tokenizer.projection.abs().max() <= limit
    assert abs(tokenizer.projection.std() - limit / 3**0.5) < 0.01 * limit
    torch.testing.assert_close(tokenizer.codes.norm(dim=1), torch.ones(2000))
    assert tokenizer.codes.mean(dim=0).abs().max() < 4 / (16 * 2000) ** 0.5


def test_autocast_changes_nothing():
    tokenizer, batch = build(), images()
    with torch.autocast('cpu', dtype=torch.bfloat16):
        found = tokenizer(batch)
    assert torch.equal(found, tokenizer(batch))


def test_whole_patches_only():
    with pytest.raises(ValueError, match=r'patches of 4 pixels, which \(8, 10\)'):
        build()(torch.zeros(1, 3, 8, 10))
