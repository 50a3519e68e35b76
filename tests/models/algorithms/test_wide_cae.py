"""CAE with a wider neck, against its steps written out in float64."""

import math

import torch
from cae_parts import PARTS, neck
from mmpretrain.registry import MODELS
from mmpretrain.structures import DataSample
from torch.nn.functional import cross_entropy

NARROW, WIDE = 8, 12
MODEL = dict(
    type='WideCAE',
    backbone=dict(
        type='CAEPretrainViT',
        arch=dict(embed_dims=NARROW, num_layers=2, num_heads=2, feedforward_channels=16),
        img_size=16,
        patch_size=4,
        layer_scale_init_value=0.1,
    ),
    neck=neck(WIDE, num_heads=3),
    **PARTS,
)


def build(**options):
    torch.manual_seed(0)
    model = MODELS.build({**MODEL, **options})
    model.init_weights()
    return model


def batch():
    generator = torch.Generator().manual_seed(0)
    pictures = [torch.randn(2, 3, size, size, generator=generator).double() for size in (16, 8)]
    samples = []
    for places in ([0, 3, 4, 9, 14, 15], [1, 2, 5, 6, 7, 10]):
        mask = torch.zeros(16)
        mask[places] = 1
        samples.append(DataSample())
        samples[-1].set_field(mask.view(4, 4).bool(), 'mask')
    return pictures, samples


def widened(model, tokens):
    linear, norm = model.widen
    wide = tokens @ linear.weight.T + linear.bias
    wide = wide - wide.mean(dim=-1, keepdim=True)
    return wide / (wide.square().mean(dim=-1, keepdim=True) + 1e-6).sqrt() * norm.weight + norm.bias


def position(patch):
    """Sines and cosines of the row, then of the column, at 12 / 4 frequencies."""
    parts = []
    for place in (patch // 4, patch % 4):
        angles = [place / 10000 ** (k / 3) for k in range(3)]
        parts += [math.sin(angle) for angle in angles] + [math.cos(angle) for angle in angles]
    return parts


def test_the_loss_and_its_gradients_by_hand():
    model, (pictures, samples) = build().double(), batch()
    model.target_generator.float()
    generator = torch.Generator().manual_seed(1)
    for name, parameter in model.named_parameters():
        if parameter.requires_grad and not name.startswith('target'):
            parameter.data.normal_(0, 0.3, generator=generator)
    visible, masked, targets, places = [], [], [], []
    codes = model.target_generator(pictures[1]).argmax(dim=1).flatten(1)
    for index, sample in enumerate(samples):
        mask = sample.mask.flatten()
        image = pictures[0][index : index + 1]
        visible.append(widened(model, model.backbone(image, mask[None])[0, 1:]))
        masked.append(widened(model, model.teacher(image, ~mask[None])[0, 1:]).detach())
        targets.append(codes[index][mask])
        order = [[p for p in range(16) if bool(mask[p]) is side] for side in (True, False)]
        places.append([[position(p) for p in side] for side in order])
    hidden, seen = (torch.tensor([p[side] for p in places]).double() for side in (0, 1))
    logits, predicted = model.neck(torch.stack(visible), hidden, seen)
    main = cross_entropy(logits.flatten(0, 1), torch.cat(targets))
    align = 2 * (predicted - torch.stack(masked)).square().mean()
    names = [name for name, p in model.named_parameters() if p.requires_grad]
    parameters = [dict(model.named_parameters())[name] for name in names]
    expected = torch.autograd.grad(main + align, parameters, allow_unused=True)
    assert expected[names.index('widen.0.weight')].abs().max() > 0

    losses = model.loss(pictures, samples)
    torch.testing.assert_close(losses['main'], main, rtol=0, atol=1e-6)  # positions are float32
    torch.testing.assert_close(losses['align'], align, rtol=0, atol=1e-6)
    torch.testing.assert_close(losses['loss'], main + align, rtol=0, atol=1e-6)
    found = torch.autograd.grad(losses['loss'], parameters, allow_unused=True)
    for name, mine, theirs in zip(names, found, expected):
        assert (mine is None) == (theirs is None), name
        if mine is not None:
            torch.testing.assert_close(mine, theirs, rtol=0, atol=1e-6, msg=name)


def test_with_equal_widths_it_is_the_parent():
    options = dict(neck=dict(MODEL['neck'], embed_dims=NARROW, num_heads=2))
    wide, plain = build(**options), build(type='CAE', **options)
    assert wide.state_dict().keys() == plain.state_dict().keys()
    pictures, samples = batch()
    pictures = [picture.float() for picture in pictures]
    found, expected = wide.loss(pictures, samples), plain.loss(pictures, samples)
    assert found.keys() == expected.keys()
    assert all(torch.equal(found[name], expected[name]) for name in expected)


def test_the_neck_s_positions_are_no_part_of_a_checkpoint():
    assert 'positions' not in build().state_dict()
    assert {'widen.0.weight', 'widen.1.bias'} <= build().state_dict().keys()
