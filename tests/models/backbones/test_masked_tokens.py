"""Masked tokens: what replaces them, which are kept, where they go back."""

import pytest
import torch

from mmmask.models.backbones.masked_tokens import (
    keep,
    replace_masked,
    restore_indices,
    visible_indices,
)


def mask_of(*rows):
    """(B, L) from strings, x = masked."""
    return torch.tensor([[token == 'x' for token in row] for row in rows])


def test_visible_tokens_in_row_major_order():
    mask = mask_of('x..xx', '.xxx.')
    assert visible_indices(mask).tolist() == [[1, 2], [0, 4]]
    tokens = torch.arange(10.0).view(2, 5, 1)
    assert keep(tokens, visible_indices(mask)).flatten(1).tolist() == [[1, 2], [5, 9]]


def test_restoring_puts_every_token_back():
    """MAE's convention: row i of the image is row ids_restore[i] of visible, then masked ones."""
    mask = mask_of('x..xx', '.xxx.')
    tokens = torch.arange(10.0).view(2, 5, 1)
    shuffled = torch.cat((keep(tokens, visible_indices(mask)), tokens[mask].view(2, 3, 1)), dim=1)
    assert restore_indices(mask).tolist() == [[2, 0, 1, 3, 4], [0, 2, 3, 4, 1]]
    assert torch.equal(keep(shuffled, restore_indices(mask)), tokens)


@pytest.mark.parametrize('masked', [0, 5])
def test_all_or_none_visible(masked):
    mask = torch.zeros(2, 5, dtype=torch.bool)
    mask[:, :masked] = True
    assert visible_indices(mask).shape == (2, 5 - masked)
    assert restore_indices(mask).tolist() == [[0, 1, 2, 3, 4]] * 2


def test_rows_of_different_counts():
    with pytest.raises(ValueError, match='between 1 and 3 masked patches') as error:
        visible_indices(mask_of('x....', 'xxx..'))
    assert '\n' not in str(error.value)


def test_the_mask_token_replaces_exactly_the_masked():
    mask = mask_of('x..xx', '.xxx.')
    tokens = torch.arange(10.0).view(2, 5, 1)
    replaced = replace_masked(tokens, mask, torch.full((1, 1, 1), -1.0)).flatten(1)
    assert replaced.tolist() == [[-1, 1, 2, -1, -1], [5, -1, -1, -1, 9]]


def test_bert_replaces_80_10_10():
    """Each token is its own number, so what became of it can be read off."""
    torch.manual_seed(0)
    tokens = torch.arange(40000.0).view(200, 200, 1)
    mask = torch.rand(200, 200) < 0.5
    replaced = replace_masked(tokens, mask, torch.full((1, 1, 1), -1.0), style='bert')
    before, after = tokens[mask].flatten(), replaced[mask].flatten()
    assert torch.equal(replaced[~mask], tokens[~mask])
    hidden, stays = after == -1, after == before
    swapped = ~hidden & ~stays
    # About 20,000 draws: standard deviations 0.0028 and 0.0021; four of these.
    assert hidden.double().mean().item() == pytest.approx(0.8, abs=0.0114)
    assert swapped.double().mean().item() == pytest.approx(0.1, abs=0.0086)
    assert stays.double().mean().item() == pytest.approx(0.1, abs=0.0086)
    # Others come from the whole batch, masked or not, uniformly.
    source = after[swapped].long()
    assert mask.flatten()[source].double().mean().item() == pytest.approx(0.5, abs=0.05)
    assert source.double().mean().item() == pytest.approx(20000, abs=4 * 11547 / 2000**0.5)
    same_image = (source // 200 == before[swapped].long() // 200).double().mean().item()
    assert same_image < 0.02  # 1 of 200 by chance


def test_bert_takes_another_token_never_its_own():
    """Of two tokens the other one; of a batch with a single one, itself."""
    torch.manual_seed(0)
    tokens, mask = torch.tensor([[[1.0], [2.0]]]), mask_of('xx')
    token = torch.zeros(1, 1, 1)
    first = [replace_masked(tokens, mask, token, 'bert')[0, 0].item() for _ in range(2000)]
    # 80 % hidden, 10 % the other, 10 % itself; were its own allowed, the other would be 5 %.
    assert first.count(2.0) / 2000 == pytest.approx(0.1, abs=0.027)
    lone = {replace_masked(tokens[:, :1], mask_of('x'), token, 'bert').item() for _ in range(200)}
    assert lone == {0.0, 1.0}


def test_bert_draws_from_torchs_generator():
    tokens, mask, token = torch.randn(3, 50, 2), torch.rand(3, 50) < 0.5, torch.zeros(1, 1, 2)
    torch.manual_seed(3)
    first = replace_masked(tokens, mask, token, 'bert')
    assert not torch.equal(first, replace_masked(tokens, mask, token, 'bert'))
    torch.manual_seed(3)
    assert torch.equal(first, replace_masked(tokens, mask, token, 'bert'))
