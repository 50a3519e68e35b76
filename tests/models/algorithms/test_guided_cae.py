import pytest
import torch
from cae_parts import PARTS, neck
from mmpretrain.registry import MODELS
from mmpretrain.structures import DataSample
from torch import nn

from mmmask.models.attention import OnlineScorer

MODEL = dict(
    backbone=dict(
        type='MaskedCAEViT',
        arch=dict(embed_dims=8, num_layers=2, num_heads=2, feedforward_channels=16),
        img_size=16,
        patch_size=4,
        layer_scale_init_value=0.1,
    ),
    neck=neck(8, num_heads=2),
    **PARTS,
)
RANDOM = dict(masker=dict(type='RandomMasker', ratio=0.4))  # int(0.4 x 16) = 6
GUIDED = dict(
    masker=dict(type='SoftToHardMasker', ratio=0.4, soft=(0, 0), hard=(1, 1)),
    scorer=dict(type='OnlineScorer', attention=dict(type='ReceivedAttentionTap')),
)


def build(type='GuidedCAE', **options):
    torch.manual_seed(0)
    model = MODELS.build(dict(type=type, **MODEL, **options))
    model.init_weights()
    return model


def inputs(batch=3):
    generator = torch.Generator().manual_seed(0)
    return [torch.randn(batch, 3, size, size, generator=generator) for size in (16, 8)]


def samples(batch=3):
    return [DataSample() for _ in range(batch)]


@pytest.mark.parametrize('options', [RANDOM, GUIDED], ids=['random', 'guided'])
def test_the_loss_is_the_parents_with_the_same_masks(options):
    guided, data_samples = build(**options), samples()
    plain = build('CAE')
    plain.load_state_dict(guided.state_dict())  # nothing of a masker or a scorer is in there
    found = guided.loss(inputs(), data_samples)
    assert found.pop('mask_ratio') == 6 / 16
    for sample in data_samples:
        assert sample.mask.shape == (4, 4) and sample.mask.dtype == torch.bool
        assert sample.mask.sum() == 6
    expected = plain.loss(inputs(), data_samples)
    assert found.keys() == expected.keys()
    for name in expected:
        torch.testing.assert_close(found[name], expected[name], rtol=0, atol=0)
    for name, value in plain.state_dict().items():  # the teacher has moved in both
        assert torch.equal(value, guided.state_dict()[name]), name


def test_the_best_scored_patches_are_masked():
    model, data_samples = build(**GUIDED), samples()
    generator = torch.Generator().manual_seed(3)
    for parameter in model.backbone.parameters():
        parameter.data.normal_(0, 0.3, generator=generator)
    record = []
    attention = model.backbone.layers[-1].attn
    handle = attention.register_forward_pre_hook(lambda _, args: record.append(args[0]))
    model.loss(inputs(), data_samples)
    handle.remove()
    whole, visible = record[0], record[1]  # the scorer's pass, then the training's
    assert whole.shape == (3, 17, 8) and visible.shape == (3, 11, 8)
    bias = torch.cat((attention.q_bias, torch.zeros(8), attention.v_bias))
    qkv = nn.functional.linear(whole, attention.qkv.weight, bias).double()
    query, key, _ = qkv[:, 1:].unflatten(-1, (3, 2, 4)).unbind(2)
    for b, sample in enumerate(data_samples):
        scores = []
        for m in range(16):
            others = [query[b, i, 1] @ key[b, m, 1] for i in range(16) if i != m]
            scores.append(sum(others).item())
        best = sorted(range(16), key=lambda m: -scores[m])[:6]
        assert sorted(best) == sample.mask.flatten().nonzero().flatten().tolist()


def test_the_scorers_pass_is_the_plain_encoders():
    model = build(**GUIDED)
    plain = MODELS.build(dict(MODEL['backbone'], type='CAEPretrainViT'))
    plain.load_state_dict(model.backbone.state_dict())
    images = inputs()[0]
    torch.testing.assert_close(model.backbone(images)[-1], plain(images, None)[-1])
    mask = torch.arange(16).expand(3, 16) < 6
    torch.testing.assert_close(model.backbone(images, mask), plain(images, mask))
    assert isinstance(model.scorer, OnlineScorer)


def test_every_step_draws_new_masks():
    model, first, second = build(**RANDOM), samples(), samples()
    model.loss(inputs(), first), model.loss(inputs(), second)
    assert any(not torch.equal(a.mask, b.mask) for a, b in zip(first, second))


@pytest.mark.parametrize(
    'options, message',
    [
        (dict(masker=GUIDED['masker']), 'needs scores: give `scorer`'),
        (dict(masker=RANDOM['masker'], scorer=GUIDED['scorer']), 'uses scores: leave out `scorer`'),
    ],
)
def test_parts_that_do_not_fit(options, message):
    with pytest.raises(ValueError, match=message):
        build(**options)


def test_the_neck_must_know_the_number_of_masked_patches():
    model = build(masker=dict(type='RandomMasker', ratio=0.5))
    with pytest.raises(ValueError, match='8 to 8 masked patches, but neck.mask_tokens_num is 6'):
        model.loss(inputs(), samples())


def test_the_encoder_must_be_a_masked_one():
    backbone = dict(MODEL['backbone'], type='CAEPretrainViT')
    with pytest.raises(ValueError, match='not CAEPretrainViT: set backbone.type'):
        MODELS.build(dict(type='GuidedCAE', **dict(MODEL, backbone=backbone), **RANDOM))


def test_images_must_be_of_the_encoders_size():
    model, pictures = build(**RANDOM), inputs()
    pictures[0] = torch.zeros(3, 3, 20, 20)
    with pytest.raises(ValueError, match=r'images of \(16, 16\), got \(20, 20\)'):
        model.loss(pictures, samples())
