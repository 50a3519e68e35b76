"""MST: the restoration beside DINO's loss, whose batch statistics, scores from elsewhere, Swin."""

import copy

import pytest
import torch
from mmengine.model import convert_sync_batchnorm, revert_sync_batchnorm
from self_distillation_parts import (
    TOKENS,
    FixedMasker,
    build,
    fixed_mask,
    naive,
    naive_attention,
    views,
)
from torch import nn

from mmmask.models.algorithms import SelfDistillation
from mmmask.models.maskers import HighAttentionMasker
from mmmask.models.running_statistics import batch_norms

BN = dict(type='BN')
COUNTS = (5, 0, 1, 0, 16, 8)
DECODER = dict(type='RestorationDecoder', in_channels=8, stride=4, channels=(4, 3))


def mst(target='image', weight=0.6, **kwargs):
    """The model and its mask."""
    mask = fixed_mask(list(COUNTS))
    restoration = dict(type='RestorationHead', decoder=DECODER, weight=weight, target=target)
    masker = dict(type=FixedMasker, mask=mask)
    return build(masker, patch_weight=0.0, restoration=restoration, **kwargs), mask


def naive_restoration(model, inputs, mask):
    """Image by image and pixel by pixel; the decoder is tested on its own."""
    images = torch.cat(inputs[:2])
    tokens = model.backbone(images, mask)[0][:, 1:]
    decoder = copy.deepcopy(model.restoration.decoder)
    restored = torch.cat([decoder(view, (4, 4)) for view in tokens.chunk(2)])  # statistics per view
    total = 0.0
    for image in range(len(images)):
        errors = []
        for y in range(16):
            for x in range(16):
                if model.restoration.target == 'image' or mask[image, y // 4 * 4 + x // 4]:
                    errors += (restored[image, :, y, x] - images[image, :, y, x]).abs().unbind()
        total = total + sum(errors) / max(len(errors), 1)
    return model.restoration.weight * total / len(images)


@pytest.mark.parametrize('norm_cfg', [None, BN])
@pytest.mark.parametrize('target', ['image', 'masked'])
def test_the_loss_is_that_of_the_equations(target, norm_cfg):
    model, mask = mst(target, norm_cfg=norm_cfg)
    expected = dict(
        loss_cls=naive(model, views(), mask)['loss_cls'],
        loss_restoration=naive_restoration(model, views(), mask),
    )
    found = model.loss(views())
    assert found.pop('mask_ratio').item() == pytest.approx(sum(COUNTS) / 6 / TOKENS)
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        torch.testing.assert_close(found[name], value, rtol=1e-10, atol=1e-12, msg=name)
    trained = {name for name, _ in model.named_parameters() if not name.startswith('teacher')}
    sum(found.values()).backward()
    assert {name for name, p in model.named_parameters() if p.grad is not None} == trained
    assert all(p.grad.abs().sum() > 0 for p in model.restoration.parameters())


def test_the_teacher_restores_nothing():
    model, _ = mst()
    assert {name.split('.')[0] for name in model.teacher.state_dict()} == {'backbone', 'neck'}
    calls = []
    model.restoration.decoder.register_forward_hook(lambda *args: calls.append(len(args[1][0])))
    model.loss(views())
    assert calls == [3, 3]  # three images of each global view, no local one


def test_without_masks_whole_views_are_restored():
    restoration = dict(type='RestorationHead', decoder=DECODER)
    model = build(patch_weight=0.0, restoration=restoration)
    expected = naive_restoration(model, views(), None)
    found = model.loss(views())
    assert found.keys() == {'loss_cls', 'loss_restoration'}
    torch.testing.assert_close(found['loss_restoration'], expected, rtol=1e-10, atol=1e-12)


class PixelBackbone(nn.Module):
    """Gives an image of one pixel as its global token and as its only patch."""

    def __init__(self, **kwargs):
        super().__init__()

    def grid(self, height, width):
        return height, width

    token_grid = grid

    def forward(self, views):
        return (views[:, :1, 0].expand(-1, 2, 1),)


class Normalise(nn.Module):
    """Is a neck and a decoder that normalise what they get, and keep it."""

    def __init__(self):
        super().__init__()
        self.bn = nn.BatchNorm1d(1, eps=1e-12, affine=False)
        self.rows = []

    def bottleneck(self, tokens):
        self.rows += self.bn(tokens.reshape(-1, 1)).flatten().tolist()
        return tokens

    def logits(self, bottleneck):
        return bottleneck

    def forward(self, tokens, grid):
        return self.bn(tokens[..., 0]).reshape(-1, 1, 1, 1).expand(-1, 3, 1, 1)


# Of the two images of a batch: the global views are 0, 2 and -12, -4, the local one 1, 5. A view by
# itself becomes -1, 1. Both global ones together have the mean -3.5 and the sum of squared
# deviations 115, all three views -4 / 3 and 538 / 3. Running mean and variance begin at 0 and 1.
FOUR = [(x + 3.5) / (115 / 4) ** 0.5 for x in (0, 2, -12, -4)]
SIX = [(x + 4 / 3) / (538 / 3 / 6) ** 0.5 for x in (0, 2, -12, -4, 1, 5)]
BY_VIEW = 0.9 * (0.1 * 1) + 0.1 * -8, 0.9 * (0.9 + 0.1 * 2) + 0.1 * 32
BY_FOUR, BY_SIX = (-0.35, 0.9 + 0.1 * 115 / 3), (-0.4 / 3, 0.9 + 0.1 * 538 / 15)
RESTORED = {
    'view': (1 + 1 + 11 + 5) / 4,
    'global': sum(abs(x - n) for x, n in zip((0, 2, -12, -4), FOUR)) / 4,
}


@pytest.mark.parametrize(
    'reading, normalised, student, teacher, restored',
    [
        ('view', [-1, 1] * 3, BY_VIEW, BY_VIEW, 'view'),
        ('global', [*FOUR, -1, 1], BY_FOUR, BY_FOUR, 'global'),
        ('all', SIX, BY_SIX, BY_FOUR, 'global'),
    ],
)
def test_statistics_of_a_batch_by_hand(reading, normalised, student, teacher, restored):
    model = SelfDistillation(
        backbone=dict(type=PixelBackbone),
        neck=dict(type=Normalise),
        head=dict(type='SelfDistillationHead', out_channels=1, patch_weight=0.0),
        restoration=dict(type='RestorationHead', decoder=dict(type=Normalise)),
        **({} if reading == 'view' else dict(bn_statistics=reading)),  # the default is MST's
    ).double()
    batch = torch.tensor([[0.0, 2], [-12, -4], [1, 5]], dtype=torch.float64)
    losses = model.loss([view.reshape(2, 1, 1, 1).expand(2, 3, 1, 1) for view in batch])
    assert sorted(model.neck.rows) == pytest.approx(sorted(normalised))
    for norm, expected in (
        (model.neck.bn, student),
        (model.teacher.neck.bn, teacher),
        (model.restoration.decoder.bn, teacher),
    ):
        assert (norm.running_mean.item(), norm.running_var.item()) == pytest.approx(expected)
    assert losses['loss_restoration'].item() == pytest.approx(0.6 * RESTORED[restored])


def test_synchronised_layers_have_the_same_names_and_statistics():
    """As the launcher makes them on several GPUs, and takes them back on CPUs."""
    model, _ = mst(norm_cfg=BN)
    synchronised = convert_sync_batchnorm(copy.deepcopy(model))
    assert list(synchronised.state_dict()) == list(model.state_dict())
    assert len(batch_norms(synchronised)) == len(batch_norms(model)) == 2 + 2 + 2
    reverted = revert_sync_batchnorm(copy.deepcopy(synchronised))
    for other in (synchronised, reverted):
        other.loss(views())
    model.loss(views())
    for name, value in model.state_dict().items():
        torch.testing.assert_close(synchronised.state_dict()[name], value, msg=name)
        torch.testing.assert_close(reverted.state_dict()[name], value, msg=name)


@pytest.mark.parametrize('statistics', ['view', 'global', 'all'])
def test_without_batch_normalisation_all_views_pass_together(statistics):
    model, _ = mst(bn_statistics=statistics)
    rows = []
    model.neck.mlp[0].register_forward_hook(lambda _, inputs, __: rows.append(len(inputs[0])))
    model.loss(views())
    assert rows == [15]


def test_global_views_alone():
    for norm_cfg in (None, BN):
        model, _ = mst(norm_cfg=norm_cfg)
        assert model.loss(views()[:2])['loss_cls'].isfinite()


class LeftFirst:
    """Scores fall from the first token to the last; keeps what it was asked."""

    def __init__(self):
        self.asked = []

    def __call__(self, images, backbone):
        self.asked.append((images, backbone))
        return torch.arange(TOKENS, 0, -1.0).expand(len(images), -1)


def test_scores_from_a_scorer():
    masker = dict(type=HighAttentionMasker, ratio=0.25, prob=1.0)
    model = build(masker, patch_weight=0.0, scorer=dict(type=LeftFirst))
    loss = model.loss(views())['loss_cls']
    ((images, backbone),) = model.scorer.asked
    assert torch.equal(images, torch.cat(views()[:2])) and backbone is model.backbone
    mask = torch.zeros(6, TOKENS, dtype=torch.bool)
    mask[:, :4] = True
    reference = build(dict(type=FixedMasker, mask=mask), patch_weight=0.0)
    assert loss.item() == reference.loss(views())['loss_cls'].item()


@pytest.mark.parametrize('scored_by', ['teacher', 'student'])
def test_the_least_attended_tokens_are_masked(scored_by):
    masker = dict(type='ThresholdMasker', num=4, token_prob=1.0)
    kind = 'TeacherScorer' if scored_by == 'teacher' else 'OnlineScorer'
    scorer = dict(type=kind, attention=dict(type='AttentionTap'))
    model = build(masker, scorer, patch_weight=0.0)
    network = model.teacher.backbone if scored_by == 'teacher' else model.backbone
    scores = naive_attention(network, torch.cat(views()[:2]))
    mask = torch.zeros(6, TOKENS, dtype=torch.bool).scatter(1, scores.argsort(dim=1)[:, :4], True)
    reference = build(dict(type=FixedMasker, mask=mask), patch_weight=0.0)
    found, expected = model.loss(views()), reference.loss(views())
    assert found['mask_ratio'] == 0.25
    torch.testing.assert_close(found['loss_cls'], expected['loss_cls'], rtol=1e-12, atol=0)


def swin(patch_weight=0.0, mask_stride=None, masker=None, **kwargs):
    """Views of 16 pixels have 4 x 4 tokens of the last stage, the masks' cells are as asked."""
    cells = (16 // (mask_stride or 4)) ** 2
    generator = torch.Generator().manual_seed(0)
    mask = torch.rand(6, cells, generator=generator) < 0.5
    model = SelfDistillation(
        backbone=dict(
            type='MaskedSwinTransformer',
            arch=dict(embed_dims=4, depths=[1, 1], num_heads=[1, 2]),
            img_size=16,
            patch_size=2,
            window_size=4,
            mask_stride=mask_stride,
        ),
        neck=dict(type='DINOProjection', in_channels=8, out_channels=6, hidden_channels=12),
        head=dict(type='SelfDistillationHead', out_channels=6, patch_weight=patch_weight),
        masker=masker or dict(type=AnyGridMasker, mask=mask),
        restoration=dict(type='RestorationHead', decoder=DECODER, target='masked'),
        **kwargs,
    ).double()
    return model, mask


class AnyGridMasker(FixedMasker):
    def __call__(self, grid, batch_size, scores=None, device=None):
        assert grid[0] * grid[1] == self.mask.shape[1]
        return self.mask


@pytest.mark.parametrize('mask_stride', [None, 2, 8])
def test_a_swin_whose_masks_are_on_another_grid(mask_stride):
    torch.manual_seed(0)
    model, mask = swin(mask_stride=mask_stride)
    losses = model.loss(views())
    assert losses['mask_ratio'].item() == pytest.approx(mask.double().mean().item())
    (losses['loss_cls'] + losses['loss_restoration']).backward()
    trained = {name for name, p in model.named_parameters() if p.requires_grad}
    assert {name for name, p in model.named_parameters() if p.grad is not None} == trained


def test_a_swin_masks_by_its_teachers_attention():
    masker = dict(type='LowAttentionMasker', ratio=0.25, prob=1.0)
    for kind in ('TeacherScorer', 'OnlineScorer'):
        scorer = dict(type=kind, attention=dict(type='SwinAttentionTap'))
        model, _ = swin(masker=masker, scorer=scorer)
        assert model.loss(views())['mask_ratio'].item() == 0.25


def test_comparing_patches_of_a_coarser_grid_is_an_error():
    model, _ = swin(patch_weight=1.0, mask_stride=2)
    with pytest.raises(ValueError, match='gives 16 tokens for 64 patches: set it to 0'):
        model.loss(views())
    same, _ = swin(patch_weight=1.0)
    assert same.loss(views())['loss_patch'].isfinite()


def test_mistakes():
    with pytest.raises(ValueError, match="bn_statistics must be 'view', 'global' or 'all'"):
        mst(bn_statistics='local')
    with pytest.raises(ValueError, match='set neck.norm_cfg=None'):
        build(dict(type=FixedMasker, mask=fixed_mask(list(COUNTS))), norm_cfg=BN)
    restoration = dict(type='RestorationHead', decoder=DECODER, target='masked')
    with pytest.raises(ValueError, match="'masked' restores masked patches: give a masker"):
        build(patch_weight=0.0, restoration=restoration)
    with pytest.raises(ValueError, match='leave out `scorer`'):
        build(patch_weight=0.0, scorer=dict(type=LeftFirst))
