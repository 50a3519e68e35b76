"""ccMIM as a composition: both sides of an image pass the encoder, the visible one learns."""

import pytest
import torch
from mmpretrain.registry import MODELS

WIDTH, GRID = 16, (4, 4)


def ccmim(masker='ImportanceMasker', **contrast):
    torch.manual_seed(0)
    arch = dict(embed_dims=WIDTH, num_layers=2, num_heads=2, feedforward_channels=32)
    model = MODELS.build(
        dict(
            type='MaskedAutoencoder',
            backbone=dict(
                type='MaskedVisionTransformer',
                mask_mode='drop',
                pos_embed='sincos',
                init='mae',
                arch=arch,
                img_size=16,
                patch_size=4,
            ),
            neck=dict(
                type='MAEPretrainDecoder',
                num_patches=16,
                patch_size=4,
                embed_dim=WIDTH,
                decoder_embed_dim=8,
                decoder_depth=1,
                decoder_num_heads=2,
            ),
            head=dict(
                type='MAEPretrainHead',
                norm_pix=True,
                patch_size=4,
                loss=dict(type='PixelReconstructionLoss', criterion='L2'),
            ),
            masker=dict(type=masker, ratio=0.75, prob=1.0),
            scorer=dict(type='OnlineScorer', attention=dict(type='AttentionTap', blocks='all')),
            contrast=dict(
                type='ContrastiveAlignmentHead',
                **{**dict(in_channels=WIDTH, out_channels=32), **contrast},
            ),
        )
    )
    model.init_weights()
    return model


def images(dtype=torch.float32):
    generator = torch.Generator().manual_seed(1)
    return torch.randn(6, 3, 16, 16, generator=generator, dtype=dtype)


def masks_of(model):
    """The masks that the encoder gets, in order."""
    seen, forward = [], model.backbone.forward
    model.backbone.forward = lambda x, mask=None: seen.append(mask) or forward(x, mask)
    return seen


def test_both_sides_pass_the_encoder_and_only_the_visible_one_learns():
    model, batch = ccmim().double(), images(torch.float64)
    seen = masks_of(model)
    losses = model.loss(batch)
    whole, mask, complement = seen  # the scorer's, the visible and the masked side's
    assert whole is None and torch.equal(complement, ~mask)
    assert mask.sum(dim=1).tolist() == [12] * 6 and losses['mask_ratio'].item() == 0.75
    losses['loss_contrast'].backward()
    found = {n: p.grad for n, p in model.named_parameters() if p.grad is not None}

    # The same loss with the masked side's CLS tokens as constants, made on their own.
    other = ccmim().double()
    masked = other.backbone(batch, ~mask)[-1][:, 0].detach().clone()
    expected = other.contrast.loss(other.backbone(batch, mask)[-1][:, 0], masked)
    expected.backward()
    assert losses['loss_contrast'].item() == pytest.approx(expected.item(), rel=1e-12)
    expected = {n: p.grad for n, p in other.named_parameters() if p.grad is not None}
    assert found.keys() == expected.keys() and 'backbone.cls_token' in found
    for name, value in expected.items():
        torch.testing.assert_close(found[name], value, rtol=1e-9, atol=1e-15)


def test_masks_what_the_encoder_itself_attends_to():
    """Attention of CLS summed over the blocks, by the definition, on the whole image."""
    model, batch = ccmim('HighAttentionMasker').double(), images(torch.float64)
    vit = model.backbone
    tokens = vit.patch_embed(batch)[0] + vit.pos_embed[:, 1:]
    cls = (vit.cls_token + vit.pos_embed[:, :1]).expand(len(batch), -1, -1)
    tokens, scores = torch.cat((cls, tokens), dim=1), 0
    for layer in vit.layers:
        qkv = layer.attn.qkv(layer.ln1(tokens)).reshape(len(batch), 17, 3, 2, WIDTH // 2)
        logits = torch.einsum('bnhd,bmhd->bhnm', qkv[:, :, 0], qkv[:, :, 1]) / (WIDTH // 2) ** 0.5
        scores = scores + logits.softmax(dim=-1)[:, :, 0, 1:].mean(dim=1)
        tokens = layer(tokens)
    seen = masks_of(model)
    model.loss(batch)
    mask = seen[1]
    for row, chosen in zip(scores.tolist(), mask.tolist()):
        ranking = sorted(range(16), key=lambda token: -row[token])
        assert {token for token in range(16) if chosen[token]} == set(ranking[:12])


@pytest.mark.parametrize('contrast', [{}, dict(objective='cosine')], ids=['nce', 'cosine'])
@pytest.mark.parametrize('autocast', [False, True])
def test_everything_learns(contrast, autocast):
    """Under autocast, too, where passes without gradient share their casts of weights."""
    model = ccmim(**contrast)
    with torch.autocast('cpu', torch.bfloat16, enabled=autocast):
        losses = model.loss(images())
    (losses['loss_pixel'] + losses['loss_contrast']).backward()
    for name, value in model.named_parameters():
        assert not value.requires_grad or value.grad.abs().max() > 0, name
    model.zero_grad(set_to_none=True)
    with torch.autocast('cpu', torch.bfloat16, enabled=autocast):
        model.loss(images())['loss_contrast'].backward()
    learns = {
        name.split('.')[0] for name, value in model.named_parameters() if value.grad is not None
    }
    assert learns == {'backbone', 'contrast'}  # not the decoder


def test_both_losses_fall():
    """Twenty steps on one batch, with the same masks, so that only the weights change."""
    model, batch = ccmim('HighAttentionMasker', weight=1.0), images()
    model.train()
    mask = model._mask(batch)[0]
    model._mask = lambda _inputs: (mask, None)
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    history = []
    for _ in range(20):
        losses = model.loss(batch)
        history.append([losses[name].item() for name in ('loss_pixel', 'loss_contrast')])
        optimizer.zero_grad()
        (losses['loss_pixel'] + losses['loss_contrast']).backward()
        optimizer.step()
    for first, last in zip(history[0], history[-1]):
        assert last < 0.9 * first


def test_the_head_is_as_wide_as_the_encoder():
    with pytest.raises(ValueError, match='contrast.in_channels is 8: set it to 16'):
        ccmim(in_channels=8)
