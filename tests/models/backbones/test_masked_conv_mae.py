import pytest
import torch
import torch.nn.functional as F
from mmpretrain.registry import MODELS
from torch import nn

from mmmask.models.attention import OnlineScorer
from mmmask.models.backbones import MaskedConvMAE
from mmmask.models.classifiers import LinearProbe

ARCH = dict(embed_dims=(4, 6, 8), depths=(2, 1, 2), num_heads=2)
SIZE, PATCH, GRID = 48, 16, 3


def build(**options):
    encoder = MaskedConvMAE(**{**dict(arch=ARCH, img_size=SIZE), **options})
    generator = torch.Generator().manual_seed(1)
    for parameter in encoder.parameters():
        parameter.data.normal_(0, 0.3, generator=generator)
    encoder.train(False)
    return encoder


def images(size=SIZE, seed=0):
    return torch.randn(2, 3, size, size, generator=torch.Generator().manual_seed(seed))


def mask_of(*rows):
    mask = torch.zeros(len(rows), GRID**2, dtype=torch.bool)
    for row, masked in zip(mask, rows):
        row[list(masked)] = True
    return mask


MASK = mask_of((0, 2, 4, 5, 8), (1, 3, 4, 6, 7))
VISIBLE = [(1, 3, 6, 7), (0, 2, 5, 8)]


def norm(x, module, axis, eps=1e-6):
    mean = x.mean(dim=axis, keepdim=True)
    variance = ((x - mean) ** 2).mean(dim=axis, keepdim=True)
    shape = [1] * x.ndim
    shape[axis] = -1
    x = (x - mean) / (variance + eps).sqrt()
    return x * module.weight.view(shape) + module.bias.view(shape)


def reference(encoder, image, visible):
    """One image (3, H, W) step by step: a patch is cut out of every map that is convolved."""
    keeps = torch.zeros(GRID, GRID, dtype=torch.float64)
    for place in visible:
        keeps[place // GRID, place % GRID] = 1
    x, maps = image[None], []
    for stage in range(3):
        convolution, ln, _ = encoder.stems[stage]
        x = F.conv2d(x, convolution.weight, convolution.bias, stride=convolution.stride)
        x = F.gelu(norm(x, ln, 1, 1e-5))
        if stage == 2:
            break
        shown = keeps.kron(torch.ones(x.shape[-1] // GRID, x.shape[-1] // GRID))
        for block in encoder.conv_stages[stage]:
            inner = (
                F.conv2d(norm(x, block.ln1, 1, 1e-5), block.inward.weight, block.inward.bias)
                * shown
            )
            padded = F.pad(inner, (2, 2, 2, 2))
            mixed = block.depthwise.bias.view(1, -1, 1, 1) + sum(
                padded[:, :, i : i + x.shape[2], j : j + x.shape[3]]
                * block.depthwise.weight[:, 0, i, j].view(1, -1, 1, 1)
                for i in range(5)
                for j in range(5)
            )
            x = x + F.conv2d(mixed, block.outward.weight, block.outward.bias)
            first, _, second = block.ffn
            hidden = F.gelu(F.conv2d(norm(x, block.ln2, 1, 1e-5), first.weight, first.bias))
            x = x + F.conv2d(hidden, second.weight, second.bias)
        maps.append(x)
    tokens = x[0].flatten(1).T @ encoder.projection.weight.T + encoder.projection.bias
    tokens = (tokens + encoder.pos_embed[0])[list(visible)]
    for layer in encoder.layers:
        tokens = layer(tokens[None])[0]
    for fusion, finer in zip(encoder.fusions, maps):
        finer = F.conv2d(finer, fusion.weight, fusion.bias, stride=fusion.stride)
        tokens = tokens + finer[0].flatten(1).T[list(visible)]
    tokens = norm(tokens, encoder.ln1, 1)
    return torch.cat((tokens.mean(dim=0, keepdim=True), tokens))


@pytest.mark.parametrize('fuse', [True, False])
def test_the_encoder_step_by_step(fuse):
    encoder, x = build(fuse=fuse).double(), images().double()
    everything = range(GRID**2)
    with torch.no_grad():
        masked, whole = encoder(x, MASK)[-1], encoder(x)[-1]
        assert masked.shape == (2, 1 + 4, 8) and whole.shape == (2, 1 + 9, 8)
        for b in range(2):
            torch.testing.assert_close(masked[b], reference(encoder, x[b], VISIBLE[b]))
            torch.testing.assert_close(whole[b], reference(encoder, x[b], everything))
        nothing = torch.zeros_like(MASK)
        torch.testing.assert_close(encoder(x, nothing)[-1], whole, rtol=0, atol=0)


def test_nothing_of_a_masked_patch_reaches_a_visible_token():
    encoder = build()
    cells = MASK.view(2, 1, GRID, GRID).repeat_interleave(PATCH, 2).repeat_interleave(PATCH, 3)
    other = torch.where(cells, images(seed=5) * 10, images())
    with torch.no_grad():
        torch.testing.assert_close(
            encoder(other, MASK)[-1], encoder(images(), MASK)[-1], rtol=0, atol=0
        )
        assert not torch.equal(encoder(other)[-1][0, 2], encoder(images())[-1][0, 2])  # seen whole
    inputs = images().requires_grad_()
    encoder(inputs, MASK)[-1].square().sum().backward()
    assert (inputs.grad[cells.expand_as(inputs)] == 0).all()
    assert (inputs.grad[~cells.expand_as(inputs)] != 0).float().mean() > 0.99


def test_grids_of_other_images():
    encoder = build()
    assert encoder.grid(48, 48) == encoder.token_grid(48, 48) == (3, 3)
    assert encoder.grid(33, 64) == (3, 4)
    with torch.no_grad():
        tokens = encoder(torch.randn(2, 3, 33, 64))[-1]
        padded = torch.zeros(2, 3, 48, 48)
        padded[..., :40, :40] = images(40)
        torch.testing.assert_close(encoder(images(40))[-1], encoder(padded)[-1])
    assert tokens.shape == (2, 1 + 12, 8)


@pytest.mark.parametrize('arch, encoder, fusions', [('small', 21.87, 1.18), ('base', 84.45, 4.33)])
def test_as_many_parameters_as_published(arch, encoder, fusions):
    """The paper's table has 22 M and 84 M; the repository's 88 M for B are with the fusion."""
    with torch.device('meta'):
        network = MaskedConvMAE(arch)
    count = {
        name: sum(p.numel() for p in part.parameters()) / 1e6
        for name, part in dict(all=network, fusions=network.fusions).items()
    }
    positions = network.pos_embed.numel() / 1e6
    assert count['all'] - count['fusions'] - positions == pytest.approx(encoder, abs=0.01)
    assert count['fusions'] == pytest.approx(fusions, abs=0.01)


def test_it_learns_with_maes_decoder_and_gpas_scores():
    torch.manual_seed(0)
    model = MODELS.build(
        dict(
            type='MaskedAutoencoder',
            backbone=dict(type='MaskedConvMAE', arch=ARCH, img_size=SIZE),
            neck=dict(
                type='MAEPretrainDecoder',
                num_patches=9,
                patch_size=16,
                embed_dim=8,
                decoder_embed_dim=8,
                decoder_depth=1,
                decoder_num_heads=2,
            ),
            head=dict(
                type='MAEPretrainHead',
                norm_pix=True,
                patch_size=16,
                loss=dict(type='PixelReconstructionLoss', criterion='L2'),
            ),
            masker=dict(type='SoftToHardMasker', ratio=0.75, progress=0.5),
            scorer=dict(type='OnlineScorer', attention=dict(type='ReceivedAttentionTap')),
        )
    )
    model.init_weights()
    losses = model.loss(images(), None)
    assert losses['mask_ratio'] == pytest.approx(6 / 9)  # int(0.75 x 9)
    losses['loss_pixel'].backward()
    for name, parameter in model.backbone.named_parameters():
        assert not parameter.requires_grad or parameter.grad.abs().sum() > 0, name


def test_scores_are_read_off_its_transformer():
    encoder = build()
    scores = OnlineScorer(dict(type='ReceivedAttentionTap', block=-1, head=1))(images(), encoder)
    inputs = []
    handle = encoder.layers[-1].attn.qkv.register_forward_hook(lambda m, i, o: inputs.append(o))
    with torch.no_grad():
        encoder(images())
    handle.remove()
    query, key, _ = inputs[0].double().unflatten(-1, (3, 2, 4)).unbind(2)
    for b in range(2):
        for m in range(9):
            others = [query[b, i, 1] @ key[b, m, 1] / 2 for i in range(9) if i != m]
            torch.testing.assert_close(scores[b, m].double(), sum(others), rtol=1e-4, atol=1e-4)


def test_linear_probing_takes_the_mean_patch():
    probe = LinearProbe(
        dict(type='MaskedConvMAE', arch=ARCH, img_size=SIZE), num_classes=5, n_last_blocks=1
    )
    features = probe.extract_feat(images())
    torch.testing.assert_close(features, probe.backbone(images())[-1][:, 1:].mean(dim=1))


def test_depths_of_parameters_for_layer_decay():
    encoder = build()
    depths = {
        name: encoder.get_layer_depth(f'backbone.{name}', 'backbone.')
        for name, _ in encoder.named_parameters()
    }
    in_front = ('stems.', 'conv_stages.', 'projection.', 'pos_embed')
    for name, depth in depths.items():
        if name.startswith(in_front):
            assert depth == (0, 4), name
        elif name.startswith(('ln1.', 'fusions.')):
            assert depth == (3, 4), name
        else:
            assert depth == (1 + int(name.split('.')[1]), 4), name
    assert encoder.get_layer_depth('head.layers.0', 'backbone.') == (3, 4)


def test_epsilons_are_the_published_ones():
    """models_convmae.py gives 1e-6 to the transformer; stems and convolutions have torch's."""
    for name, module in build().named_modules():
        if isinstance(module, nn.LayerNorm):
            assert module.eps == (1e-5 if name.startswith(('stems', 'conv_stages')) else 1e-6), name


def test_fine_tuning_trains_position_embeddings():
    assert not build().pos_embed.requires_grad
    encoder = build(out_type='avg_featmap', fuse=False)
    encoder(images())[-1].square().sum().backward()
    for name, parameter in encoder.named_parameters():  # nothing unused, which DDP refuses
        assert parameter.grad.abs().sum() > 0, name


def test_the_mean_of_the_patches_is_normalised_anew():
    encoder = build(out_type='avg_featmap')
    raw = build()
    raw.load_state_dict(encoder.state_dict(), strict=False)
    raw.ln1 = nn.Identity()
    with torch.no_grad():
        mean = raw(images())[-1][:, 1:].mean(dim=1)
        torch.testing.assert_close(encoder(images())[-1], norm(mean, encoder.ln2, 1))


def test_fine_tuning_takes_the_weights_without_the_fusion(tmp_path):
    trained, path = build(), str(tmp_path / 'pretrained.pth')
    state = {f'backbone.{name}': value for name, value in trained.state_dict().items()}
    torch.save(dict(state_dict=state), path)
    tuned = MODELS.build(
        dict(
            type='MaskedConvMAE',
            arch=ARCH,
            img_size=SIZE,
            fuse=False,
            init_cfg=dict(type='Pretrained', checkpoint=path, allow=dict(unexpected=['fusions.*'])),
        )
    )
    tuned.init_weights()
    with torch.no_grad():
        trained.fusions = nn.ModuleList()
        torch.testing.assert_close(tuned(images())[-1], trained(images())[-1])


def test_weights_start_as_maes():
    encoder = MaskedConvMAE('small')
    nn.init.constant_(encoder.projection.weight, 7)
    encoder.init_weights()
    for weight in (encoder.projection.weight, encoder.stems[2][0].weight.flatten(1)):
        limit = (6 / sum(weight.shape)) ** 0.5
        assert 0.95 * limit < weight.abs().max() <= limit
    assert encoder.layers[0].attn.qkv.bias.abs().max() == 0
    assert not encoder.pos_embed.requires_grad


@pytest.mark.parametrize(
    'options, message',
    [
        (dict(arch='huge'), 'arch must be one of small, base or a dict'),
        (dict(out_type='featmap'), "out_type must be 'raw' or 'avg_featmap', got 'featmap'"),
        (dict(img_size=40), 'no multiple of 16'),
    ],
)
def test_wrong_options(options, message):
    with pytest.raises(ValueError, match=message):
        build(**options)


def test_wrong_masks():
    with pytest.raises(ValueError, match=r'mask is \(2, 8\)'):
        build()(images(), MASK[:, :8])
    with pytest.raises(ValueError, match='between 1 and 2 masked'):
        build()(images(), mask_of((0,), (0, 1)))
