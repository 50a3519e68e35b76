"""Replace or drop the tokens of masked patches."""

import torch
from torch import Tensor


def replace_masked(
    tokens: Tensor, mask: Tensor, mask_token: Tensor, style: str = 'token'
) -> Tensor:
    """Replace masked tokens.

    Args:
        tokens: (B, L, C).
        mask: (B, L) bool, True = masked.
        mask_token: (1, 1, C).
        style: ``'token'``: all by the mask token (AttMask, Eq. 2; MST, Eq. 6). ``'bert'`` (BERT;
            MST, appendix, Table 4): 80 % by the mask token, 10 % by a random other patch token of
            the batch, 10 % by themselves. torch's global CPU generator draws for each token.

    Returns:
        (B, L, C).
    """
    mask_token = mask_token.to(tokens.dtype)
    if style == 'token':
        return torch.where(mask.unsqueeze(-1), mask_token, tokens)
    draws = torch.rand(mask.shape).to(mask.device)
    steps = torch.randint(1, max(mask.numel(), 2), mask.shape).to(mask.device)
    places = torch.arange(mask.numel(), device=mask.device).view(mask.shape)
    others = (places + steps) % mask.numel()  # any place but the token's own
    hidden, swapped = mask & (draws < 0.8), mask & (draws >= 0.8) & (draws < 0.9)
    replaced = torch.where(swapped.unsqueeze(-1), tokens.flatten(0, 1)[others], tokens)
    return torch.where(hidden.unsqueeze(-1), mask_token, replaced)


def check_mask(mask: Tensor, shape: tuple[int, int]) -> None:
    """Raise a ValueError if a mask isn't of the shape (B, L) of what it masks."""
    if tuple(mask.shape) != tuple(shape):
        raise ValueError(f'The mask is {tuple(mask.shape)}, but the patches are {tuple(shape)}.')


def visible_indices(mask: Tensor) -> Tensor:
    """Return the places of the visible tokens.

    Args:
        mask: (B, L) bool, True = masked, as many in every row.

    Returns:
        (B, V) indices in row-major order.

    Raises:
        ValueError: If rows have different numbers of masked tokens: no batch could hold them.
    """
    least, most = mask.sum(dim=1).aminmax()
    if least != most:
        raise ValueError(
            f'Images have between {least} and {most} masked patches, but a network that drops them '
            "needs equally many: give the masker prob=1, per='batch' and exact counts."
        )
    return mask.long().argsort(dim=1, stable=True)[:, : mask.shape[1] - int(most)]


def enlarge(cells: Tensor, rows: int, columns: int) -> Tensor:
    """Repeat each cell of (..., h, w) to (..., rows h, columns w)."""
    return cells.repeat_interleave(rows, dim=-2).repeat_interleave(columns, dim=-1)


def keep(tokens: Tensor, indices: Tensor | None) -> Tensor:
    """Return the tokens (B, V, C) at indices (B, V) of tokens (B, L, C); None: all of them."""
    if indices is None:
        return tokens
    return tokens.gather(1, indices.unsqueeze(-1).expand(-1, -1, tokens.shape[-1]))


def restore_indices(mask: Tensor) -> Tensor:
    """Return each token's place when the visible ones come first, then the masked ones.

    Args:
        mask: (B, L) bool, True = masked.

    Returns:
        (B, L) indices, MAE's ``ids_restore``.
    """
    return mask.long().argsort(dim=1, stable=True).argsort(dim=1)
