"""A tiny masked autoencoder in float64, and its losses as the equations have them."""

from __future__ import annotations

import torch
from torch import Tensor

from mmmask.models.algorithms import MaskedAutoencoder

TOKENS, PATCH, SIZE, WIDTH = 16, 4, 16, 8
ARCH = dict(embed_dims=WIDTH, num_layers=2, num_heads=2, feedforward_channels=16)


class FixedMasker:
    """Gives the masks that it was made with."""

    def __init__(self, mask: Tensor, needs_scores: bool = False) -> None:
        self.mask, self.needs_scores = mask, needs_scores

    def __call__(self, grid, batch_size, scores=None, device=None) -> Tensor:
        assert tuple(grid) == (4, 4) and self.mask.shape == (batch_size, TOKENS)
        assert (scores is not None) == self.needs_scores
        return self.mask.to(device)


def decoder(outputs: int | None = None, **changes) -> dict:
    return {
        **dict(
            type='MAEPretrainDecoder',
            num_patches=TOKENS,
            patch_size=PATCH,
            embed_dim=WIDTH,
            decoder_embed_dim=8,
            decoder_depth=1,
            decoder_num_heads=2,
            predict_feature_dim=outputs,
        ),
        **changes,
    }


def parts(mask: Tensor | None = None, attention: bool = False, **changes) -> dict:
    """Arguments of the algorithm; with ``attention`` GPA's, else MAE's."""
    arguments = dict(
        backbone=dict(
            type='MaskedVisionTransformer',
            arch=ARCH,
            img_size=SIZE,
            patch_size=PATCH,
            mask_mode='drop',
            pos_embed='sincos',
            init='mae',
        ),
        neck=decoder(),
        head=dict(
            type='MAEPretrainHead',
            norm_pix=True,
            patch_size=PATCH,
            loss=dict(type='PixelReconstructionLoss', criterion='L2'),
        ),
        masker=dict(type='RandomMasker', ratio=0.75)
        if mask is None
        else dict(type=FixedMasker, mask=mask),
    )
    if attention:
        tap = dict(type='ReceivedAttentionTap')
        arguments['scorer'] = dict(type='OnlineScorer', attention=tap)
        arguments['attention_decoder'] = decoder(1)
    return {**arguments, **changes}


def build(mask: Tensor | None = None, attention: bool = False, **changes) -> MaskedAutoencoder:
    """Weights aren't small, so that everything matters; positions are as they are initialised."""
    model = MaskedAutoencoder(**parts(mask, attention, **changes))
    model.init_weights()
    generator = torch.Generator().manual_seed(0)
    model.double()
    for value in model.parameters():
        if value.requires_grad:
            value.data.normal_(0, 0.3, generator=generator)
    return model


def images(batch_size: int = 4) -> Tensor:
    generator = torch.Generator().manual_seed(1)
    return torch.randn(batch_size, 3, SIZE, SIZE, generator=generator, dtype=torch.float64)


def fixed_mask(batch_size: int = 4, masked: int = 12) -> Tensor:
    generator = torch.Generator().manual_seed(2)
    order = torch.stack([torch.randperm(TOKENS, generator=generator) for _ in range(batch_size)])
    return order < masked


def pixels_of(image: Tensor, place: int) -> Tensor:
    """A patch (p, p, 3) of an image (3, H, W), flattened row by row, colours innermost."""
    row, column = divmod(place, SIZE // PATCH)
    patch = image[:, row * PATCH : (row + 1) * PATCH, column * PATCH : (column + 1) * PATCH]
    return torch.stack(
        [patch[c, i, j] for i in range(PATCH) for j in range(PATCH) for c in range(3)]
    )


def normalised(values: Tensor) -> Tensor:
    """Mean 0 and, unbiased, variance 1."""
    mean = sum(values) / len(values)
    variance = sum((value - mean) ** 2 for value in values) / (len(values) - 1)
    return (values - mean) / (variance + 1e-6) ** 0.5


def decode_by_hand(neck, tokens: Tensor, visible: list[int]) -> Tensor:
    """(L, outputs) of one image: tokens (1 + V, C) in their places, mask tokens in the others."""
    embedded = neck.decoder_embed(tokens)
    rows = [embedded[0] + neck.decoder_pos_embed[0, 0]]
    for place in range(TOKENS):
        token = embedded[1 + visible.index(place)] if place in visible else neck.mask_token[0, 0]
        rows.append(token + neck.decoder_pos_embed[0, 1 + place])
    sequence = torch.stack(rows).unsqueeze(0)
    for block in neck.decoder_blocks:
        sequence = block(sequence)
    return neck.decoder_pred(neck.decoder_norm(sequence))[0, 1:]


def encode_by_hand(vit, image: Tensor, visible: list[int]) -> Tensor:
    """(1 + V, C) of one image (3, H, W)."""
    patches = vit.patch_embed(image.unsqueeze(0))[0][0]
    rows = [vit.cls_token[0, 0] + vit.pos_embed[0, 0]]
    rows += [patches[place] + vit.pos_embed[0, 1 + place] for place in visible]
    sequence = torch.stack(rows).unsqueeze(0)
    for layer in vit.layers:
        sequence = layer(sequence)
    return vit.ln1(sequence)[0]


def scores_by_hand(vit, image: Tensor) -> Tensor:
    """(L,) GPA, Eq. 4-5, of the last block's last head on the whole image, pair by pair."""
    everything = list(range(TOKENS))
    kept = {}
    handle = vit.layers[-1].ln1.register_forward_hook(lambda *args: kept.update(normed=args[-1]))
    encode_by_hand(vit, image, everything)
    handle.remove()
    qkv = vit.layers[-1].attn.qkv(kept['normed'])[0, 1:]  # without CLS
    head = WIDTH // ARCH['num_heads']
    query, key = qkv[:, WIDTH - head : WIDTH], qkv[:, 2 * WIDTH - head : 2 * WIDTH]
    return torch.stack(
        [sum(query[i] @ key[m] / head**0.5 for i in everything if i != m) for m in everything]
    ).detach()


def naive(model: MaskedAutoencoder, inputs: Tensor, mask: Tensor, standardise=True) -> dict:
    """Losses, image by image and patch by patch."""
    pixel, attention, count = 0.0, 0.0, 0
    for image, hidden in zip(inputs, mask.tolist()):
        visible = [place for place in range(TOKENS) if not hidden[place]]
        tokens = encode_by_hand(model.backbone, image, visible)
        prediction = decode_by_hand(model.neck, tokens, visible)
        if model.attention_decoder is not None:
            target = scores_by_hand(model.backbone, image)
            target = normalised(target) if standardise else target
            predicted = decode_by_hand(model.attention_decoder, tokens, visible)[:, 0]
        for place in range(TOKENS):
            if not hidden[place]:
                continue
            count += 1
            patch = normalised(pixels_of(image, place))
            pixel = pixel + sum((prediction[place] - patch) ** 2) / len(patch)
            if model.attention_decoder is not None:
                attention = attention + (predicted[place] - target[place]) ** 2
    return dict(loss_pixel=pixel / count, loss_attention=attention / count)
