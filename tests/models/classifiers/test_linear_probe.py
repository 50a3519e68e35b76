"""Linear probing: the features, the frozen backbone, and a sweep that equals separate runs."""

import copy
import dataclasses
import math

import pytest
import torch
from mmpretrain.structures import DataSample
from torch.nn import functional as F

from mmmask.evaluation.sweep_accuracy import SweepAccuracy
from mmmask.evaluation.sweep_optimizer import SweepOptimWrapperConstructor
from mmmask.models.classifiers import LinearProbe
from mmmask.models.classifiers.linear_probe import Probe
from mmmask.utils.errors import UserError

BACKBONE = dict(
    type='mmpretrain.VisionTransformer',
    arch=dict(embed_dims=12, num_layers=3, num_heads=2, feedforward_channels=24),
    img_size=16,
    patch_size=8,
    drop_rate=0.5,  # must not matter: the backbone is frozen
    drop_path_rate=0.5,
)


def probe(**options) -> LinearProbe:
    torch.manual_seed(0)
    model = LinearProbe(BACKBONE, num_classes=7, **{'n_last_blocks': 2, **options})
    own = torch.Generator().manual_seed(1)
    torch.nn.init.normal_(model.backbone.ln1.weight, generator=own)  # a norm, not the identity
    torch.nn.init.normal_(model.backbone.ln1.bias, generator=own)
    return model.double()


@pytest.fixture
def images():
    return torch.randn(6, 3, 16, 16, generator=torch.Generator().manual_seed(1)).double()


@pytest.fixture
def samples():
    return [DataSample().set_gt_label(label) for label in (0, 3, 6, 1, 1, 2)]


def tokens_after_each_block(vit, images):
    """The ViT written out: tokens behind every block, not normalised."""
    patches = vit.patch_embed.projection(images).flatten(2).transpose(1, 2)
    tokens = torch.cat((vit.cls_token.expand(len(images), 1, -1), patches), dim=1) + vit.pos_embed
    outputs = []
    for layer in vit.layers:
        tokens = layer(tokens)
        outputs.append(tokens)
    return outputs


def manual_norm(vit, tokens):
    mean = tokens.mean(-1, keepdim=True)
    variance = ((tokens - mean) ** 2).mean(-1, keepdim=True)
    return (tokens - mean) / (variance + vit.ln1.eps).sqrt() * vit.ln1.weight + vit.ln1.bias


@pytest.mark.parametrize('n_last_blocks', [1, 2, 3])
@pytest.mark.parametrize('avgpool', [False, True])
def test_features_are_the_last_cls_tokens_each_behind_the_final_norm(
    images, n_last_blocks, avgpool
):
    model = probe(n_last_blocks=n_last_blocks, avgpool=avgpool)
    vit = model.backbone
    blocks = [manual_norm(vit, t) for t in tokens_after_each_block(vit, images)][-n_last_blocks:]
    expected = [block[:, 0] for block in blocks]
    if avgpool:
        expected.append(blocks[-1][:, 1:].mean(dim=1))
    features = model.extract_feat(images)
    torch.testing.assert_close(features, torch.cat(expected, dim=1))
    assert features.shape[1] == model.heads[0].in_features == 12 * (n_last_blocks + avgpool)


def train(model, images, samples, steps=3, **optimizer):
    wrapper = SweepOptimWrapperConstructor(
        dict(optimizer=dict(type='SGD', momentum=0.9, weight_decay=0.0, **optimizer))
    )(model)
    model.train()
    for _ in range(steps):
        losses = model(images, samples, mode='loss')
        wrapper.update_params(sum(losses.values()))
    return wrapper


def test_the_backbone_never_changes(images, samples):
    model = probe(lrs=(1.0, 10.0))
    before = copy.deepcopy(model.backbone.state_dict())
    wrapper = train(model, images, samples)
    after = model.backbone.state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)
    assert not any(module.training for module in model.backbone.modules())
    assert all(p.grad is None and not p.requires_grad for p in model.backbone.parameters())
    ids = {id(p) for group in wrapper.optimizer.param_groups for p in group['params']}
    assert ids == {id(p) for p in model.heads.parameters()}
    assert not torch.equal(model.heads[0].weight, probe().heads[0].weight)


def equal_but_for_rounding(found, wanted):
    """Compare float64 values. Some processors add in another order in a product of more columns."""
    return torch.allclose(found, wanted, rtol=1e-10, atol=1e-12)


def test_a_sweep_equals_separate_runs(images, samples):
    lrs = (0.003, 0.1, 3.0)
    sweep = probe(lrs=lrs)
    train(sweep, images, samples)
    for i, lr in enumerate(lrs):
        alone = probe(lrs=(lr,))
        train(alone, images, samples)
        assert equal_but_for_rounding(sweep.heads[i].weight, alone.heads[0].weight)
        assert equal_but_for_rounding(sweep.heads[i].bias, alone.heads[0].bias)


def test_training_equals_sgd_written_out(images, samples):
    model = probe(lrs=(0.5,))
    weight, bias = model.heads[0].weight.detach().clone(), model.heads[0].bias.detach().clone()
    features = model.extract_feat(images)
    labels = F.one_hot(torch.tensor([0, 3, 6, 1, 1, 2]), 7).double()
    speed_w, speed_b = torch.zeros_like(weight), torch.zeros_like(bias)
    for _ in range(3):
        error = (torch.softmax(features @ weight.T + bias, dim=1) - labels) / 6
        speed_w, speed_b = 0.9 * speed_w + error.T @ features, 0.9 * speed_b + error.sum(dim=0)
        weight, bias = weight - 0.5 * speed_w, bias - 0.5 * speed_b
    train(model, images, samples)
    torch.testing.assert_close(model.heads[0].weight.detach(), weight)
    torch.testing.assert_close(model.heads[0].bias.detach(), bias)


def test_each_rate_reaches_its_layer():
    model = probe(lrs=(0.003, 0.2))
    wrapper = SweepOptimWrapperConstructor(dict(optimizer=dict(type='SGD', momentum=0.9)))(model)
    groups = wrapper.optimizer.param_groups
    assert [group['lr'] for group in groups] == [0.003, 0.2]
    for group, head in zip(groups, model.heads):
        assert group['params'][0] is head.weight and group['params'][1] is head.bias
    with pytest.raises(UserError, match='model.lrs'):
        SweepOptimWrapperConstructor(dict(optimizer=dict(type='SGD', lr=0.1)))


def test_all_layers_start_alike_with_small_weights():
    model = LinearProbe(BACKBONE, 1000, lrs=(0.1, 0.2), n_last_blocks=3)
    first, second = model.heads
    assert torch.equal(first.weight, second.weight) and first.weight is not second.weight
    assert first.weight.std().item() == pytest.approx(0.01, rel=0.05)
    assert not first.bias.any()


def test_the_random_stream_does_not_depend_on_the_sweep():
    probe(lrs=(0.1,))
    one = torch.rand(3)
    probe(lrs=(0.1, 0.2, 0.3))
    assert torch.equal(torch.rand(3), one)


def test_validation_reports_every_rate_and_the_best(images, samples):
    model = probe(lrs=(0.003, 3.0)).eval()
    metric = SweepAccuracy()
    predictions = [sample.to_dict() for sample in model(images, samples, mode='predict')]
    metric.process({}, predictions)
    logits = model(images)
    found = metric.evaluate(6)
    assert found['linear/num_lrs'] == 2
    for i, name in enumerate(('lr0.003', 'lr3')):
        ranks = [
            (scores > scores[label]).sum().item()
            for scores, label in zip(logits[:, i], (0, 3, 6, 1, 1, 2))
        ]
        for top in (1, 5):
            expected = 100 * sum(rank < top for rank in ranks) / 6
            assert found[f'linear/top{top}_{name}'] == pytest.approx(expected)


def test_the_best_is_named_and_broken_scores_are_wrong():
    metric = SweepAccuracy()
    scores = torch.tensor(
        [
            [[3.0, 1.0], [1.0, 3.0], [torch.nan, 1.0]],
            [[1.0, 3.0], [1.0, 3.0], [1.0, torch.inf]],
        ]
    )  # labels 0 and 1: the first rate gets 2 of 2, the second 1, the third diverged
    probes = [Probe(0, lr, None, f'lr{lr:g}') for lr in (0.1, 1.0, 9.0)]
    samples = [
        dict(
            sweep_scores=s,
            sweep_probes=probes,
            sweep_selected=None,
            gt_label=torch.tensor([label]),
        )
        for s, label in zip(scores, (0, 1))
    ]
    metric.process({}, samples)
    found = metric.evaluate(2)
    assert metric.protocol_values == dict(selected_on='validation', probes=3)
    assert metric.outcomes['linear/top1'].tolist() == [100, 100]
    assert found == {
        'linear/top1': 100.0,
        'linear/best_lr': 0.1,
        'linear/num_lrs': 3,
        'linear/top1_lr0.1': 100.0,
        'linear/top1_lr1': 50.0,
        'linear/top1_lr9': 0.0,
    }


def test_other_tokens_and_blocks(images):
    """The mean patch before, behind and with another norm; a block in the middle; all tokens."""
    features = (
        dict(token='gap'),
        dict(token='gap_normed', layer=1),
        dict(token='gap_renormed', layer=-2, n_last_blocks=2),
        dict(token='cls', layer=0, avgpool=True),
    )
    model = probe(n_last_blocks=1, features=features)
    vit = model.backbone
    raw = tokens_after_each_block(vit, images)
    normed = [manual_norm(vit, tokens) for tokens in raw]

    def renormed(mean):
        centred = mean - mean.mean(-1, keepdim=True)
        return centred / (centred.square().mean(-1, keepdim=True) + 1e-6).sqrt()

    expected = [
        raw[2][:, 1:].mean(dim=1),
        normed[1][:, 1:].mean(dim=1),
        torch.cat([renormed(raw[block][:, 1:].mean(dim=1)) for block in (0, 1)], dim=1),
        torch.cat((normed[0][:, 0], normed[0][:, 1:].mean(dim=1)), dim=1),
    ]
    for found, wanted, head in zip(model.extract(images), expected, model.heads, strict=True):
        torch.testing.assert_close(found, wanted)
        assert head.in_features == wanted.shape[1]
    assert [one.name for one in model.probes] == [
        'gap_lr0.003',
        'gap_normed-block1_lr0.003',
        'gap_renormed-x2-block-2_lr0.003',
        'cls+mean-block0_lr0.003',
    ]
    for token, first in (('patches', 1), ('tokens', 0)):
        pooling = dict(type='EfficientPooling', num_queries=2)
        attentive = probe(n_last_blocks=2, token=token, pooling=pooling)
        wanted = torch.cat((normed[1], normed[2]), dim=-1)[:, first:]
        torch.testing.assert_close(attentive.extract_feat(images), wanted)


@pytest.mark.parametrize(
    'backbone',
    [
        dict(type='mmpretrain.ResNet', depth=18, base_channels=4, stem_channels=4),
        dict(BACKBONE, with_cls_token=False),
    ],
)
def test_networks_without_a_cls_token(images, samples, backbone):
    cls = 'gap' if backbone['type'] == BACKBONE['type'] else 'cls'
    model = LinearProbe(backbone, 7, n_last_blocks=1, token=cls).double()
    last = model.backbone(images)[-1]
    last = last if last.dim() == 3 else last.flatten(2).transpose(1, 2)
    torch.testing.assert_close(model.extract_feat(images), last.mean(dim=1))
    pooling = dict(type='EfficientPooling', num_queries=2)
    attentive = LinearProbe(backbone, 7, n_last_blocks=1, token='patches', pooling=pooling)
    assert attentive.double().extract_feat(images).shape == last.shape
    train(attentive, images, samples, steps=1)


def test_a_sweep_over_features_rates_and_decays_equals_separate_runs(images, samples):
    features = (dict(n_last_blocks=2), dict(n_last_blocks=1, token='gap'))
    sweep = probe(features=features, lrs=(0.01, 1.0), weight_decays=(0.0, 0.1))
    train(sweep, images, samples)
    assert len(sweep.heads) == 8 and sweep.probes[3].name == 'cls-x2_lr1_wd0.1'
    for head, one in zip(sweep.heads, sweep.probes):
        options = dict(lrs=(one.lr,), weight_decays=(one.weight_decay,))
        alone = probe(**features[one.feature], **options)
        train(alone, images, samples)
        assert equal_but_for_rounding(head.weight, alone.heads[0].weight)
        assert equal_but_for_rounding(head.bias, alone.heads[0].bias)


def test_attentive_probes_of_a_sweep_equal_separate_runs(images, samples):
    options = dict(n_last_blocks=1, token='patches', batch_norm=True)
    for pooling in (
        dict(type='EfficientPooling', num_queries=3),
        dict(type='CrossAttentionPooling', num_heads=2),
    ):
        sweep = probe(lrs=(0.1, 1.0), pooling=pooling, **options)
        train(sweep, images, samples)
        for i, lr in enumerate((0.1, 1.0)):
            alone = probe(lrs=(lr,), pooling=pooling, **options)
            train(alone, images, samples)
            for found, wanted in zip(sweep.heads[i].parameters(), alone.heads[0].parameters()):
                assert equal_but_for_rounding(found, wanted)


def test_batch_normalisation_in_front(images, samples):
    """By the batch's statistics in training, by running ones in a test; no weights (MAE)."""
    model = probe(n_last_blocks=1, batch_norm=True)
    features, head = model.extract_feat(images), model.heads[0]
    mean, variance = features.mean(dim=0), features.var(dim=0, unbiased=False)
    normed = (features - mean) / (variance + 1e-6).sqrt()
    torch.testing.assert_close(model.train()(images)[:, 0], normed @ head.weight.T + head.bias)
    running = 0.9 + 0.1 * features.var(dim=0)
    normed = (features - 0.1 * mean) / (running + 1e-6).sqrt()
    torch.testing.assert_close(model.eval()(images)[:, 0], normed @ head.weight.T + head.bias)
    assert len(list(model.norms.parameters())) == 0


def test_a_probe_that_diverges_leaves_the_others_alone(images, samples):
    """lr x weight decay = 1e6: the weights grow a millionfold in each step."""
    sweep, alone = probe(lrs=(0.1, 1e6)), probe(lrs=(0.1,))
    sweep.probes[1] = dataclasses.replace(sweep.probes[1], weight_decay=1.0)
    train(sweep, images, samples, steps=60)
    train(alone, images, samples, steps=60)
    assert equal_but_for_rounding(sweep.heads[0].weight, alone.heads[0].weight)
    assert sweep.standing.tolist() == [1, 0]
    losses = sweep(images, samples, mode='loss')
    assert losses['loss_lr1e+06'].item() == pytest.approx(math.log(7))
    (first, *_) = sweep.eval()(images, samples, mode='predict')
    assert first.sweep_scores[0].isfinite().all() and first.sweep_scores[1].isnan().all()
    assert sweep.drop_diverged() == [1]
    assert all(bool(weight.isfinite().all()) for weight in sweep.parameters())


def test_a_probe_whose_statistics_overflow_has_diverged():
    pooling = dict(type='EfficientPooling', num_queries=2)
    sweep = probe(lrs=(0.1, 1.0), token='patches', pooling=pooling, batch_norm=True)
    sweep.heads[1].norm.running_var.fill_(math.inf)
    assert sweep.drop_diverged() == [1]
    assert all(bool(tensor.isfinite().all()) for tensor in sweep.state_dict().values())


def test_bad_options_are_errors():
    for options in (
        dict(n_last_blocks=4),
        dict(n_last_blocks=0),
        dict(lrs=()),
        dict(lrs=(0.1, 0.1)),
        dict(lrs=(0.1, -1.0)),
        dict(weight_decays=(-0.1,)),
        dict(weight_decays=(0.1, 0.1)),
        dict(features=(dict(layer=1), dict(layer=1))),
        dict(layer=3),
        dict(n_last_blocks=2, layer=0),
        dict(token='mean'),
        dict(token='patches'),
        dict(pooling=dict(type='EfficientPooling')),
        dict(backbone=dict(BACKBONE, final_norm=False)),
        dict(backbone=dict(BACKBONE, with_cls_token=False)),
    ):
        with pytest.raises(UserError):
            LinearProbe(**{**dict(backbone=BACKBONE, num_classes=7, n_last_blocks=2), **options})
