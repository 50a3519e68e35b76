"""Scores by a pass of their own: which, without a trace, and what checkpoints keep of them."""

import copy

import pytest
import torch
from mmengine.model import BaseModel
from mmengine.runner import Runner
from mmpretrain.models.backbones import VisionTransformer
from mmpretrain.registry import MODELS
from torch import nn
from torch.utils.data import DataLoader

from mmmask.models.attention import AttentionTap, FrozenScorer, OnlineScorer, ReceivedAttentionTap
from mmmask.models.backbones import MaskedVisionTransformer
from mmmask.utils.errors import UserError

ARCH = dict(embed_dims=8, num_layers=3, num_heads=2, feedforward_channels=16)
VIT = dict(arch=ARCH, img_size=16, patch_size=4, out_type='raw')
CLS = dict(type='AttentionTap')
RECEIVED = dict(type='ReceivedAttentionTap', block=-2, head=0)


def randomised(vit, seed):
    generator = torch.Generator().manual_seed(seed)
    for parameter in vit.parameters():
        parameter.data.normal_(0, 0.7, generator=generator)
    return vit


def make_student(**options):
    return randomised(MaskedVisionTransformer(**{**VIT, **options}), seed=1)


@pytest.fixture
def student():
    return make_student(drop_rate=0.5, drop_path_rate=0.5)


@pytest.fixture(scope='module')
def pretrained():
    vit = randomised(VisionTransformer(**VIT), seed=0)
    vit.eval()
    return vit


@pytest.fixture(scope='module')
def checkpoint(pretrained, tmp_path_factory):
    """As mmpretrain saves a model."""
    state_dict = {f'backbone.{name}': value for name, value in pretrained.state_dict().items()}
    path = tmp_path_factory.mktemp('pretrained') / 'vit.pth'
    torch.save(dict(meta={}, state_dict={**state_dict, 'head.weight': torch.zeros(2)}), path)
    return str(path)


@pytest.fixture
def views():
    return torch.randn(2, 3, 16, 16, generator=torch.Generator().manual_seed(2))


def config(checkpoint, attention=RECEIVED, **options):
    init_cfg = dict(type='Pretrained', checkpoint=checkpoint)
    backbone = dict(type='VisionTransformer', init_cfg=init_cfg, **VIT)
    return dict(type='FrozenScorer', backbone=backbone, attention=attention, **options)


def frozen(*args, **kwargs):
    scorer = MODELS.build(config(*args, **kwargs))
    scorer.init_weights()
    return scorer


@torch.no_grad()
def scores_of(tap, vit, views):
    with tap(vit) as record:
        vit(views)
    return record.scores()


class Guided(BaseModel):
    """Tokens count by their scores."""

    def __init__(self, scorer, backbone):
        super().__init__()
        self.backbone = backbone
        self.scorer = MODELS.build(scorer)

    def forward(self, inputs, data_samples=None, mode='loss'):
        scores = self.scorer(inputs, self.backbone)
        patches = self.backbone(inputs)[-1][:, 1:]
        return dict(loss=(patches * scores.softmax(dim=-1).unsqueeze(-1)).square().sum())


# -- by the network itself


def test_online_scores_are_those_of_a_plain_pass_in_evaluation_mode(student, views):
    student.train()
    scores = MODELS.build(dict(type='OnlineScorer', attention=CLS))(views, student)
    assert scores.shape == (2, 16) and scores.dtype == torch.float32 and not scores.requires_grad
    student.eval()
    assert torch.equal(scores, scores_of(AttentionTap(), student, views))


def test_an_online_pass_leaves_no_trace(student, views):
    batch_norm = nn.BatchNorm2d(3)
    student.patch_embed.projection = nn.Sequential(batch_norm, student.patch_embed.projection)
    student.train()
    student.layers[1].eval()  # e.g. a frozen stage
    modes = {name: module.training for name, module in student.named_modules()}
    before = copy.deepcopy(student.state_dict())
    torch.manual_seed(0)
    expected = torch.rand(4)
    torch.manual_seed(0)
    OnlineScorer(RECEIVED)(views, student)
    assert torch.equal(torch.rand(4), expected)
    assert {name: module.training for name, module in student.named_modules()} == modes
    assert int(batch_norm.num_batches_tracked) == 0
    assert all(torch.equal(value, before[name]) for name, value in student.state_dict().items())
    assert all(parameter.grad is None for parameter in student.parameters())
    assert all(parameter.requires_grad for parameter in student.parameters())
    with pytest.raises(RuntimeError):
        OnlineScorer(RECEIVED)(views[:, :2], student)  # two channels: it fails in between
    assert {name: module.training for name, module in student.named_modules()} == modes


def test_online_scores_take_no_gradient_away_under_autocast(views):
    def gradients(scorer):
        student = make_student()
        with torch.autocast('cpu', dtype=torch.bfloat16):
            if scorer:
                scorer(views, student)
            student(views)[-1].float().square().sum().backward()
        return [parameter.grad for parameter in student.parameters()]

    without, with_scorer = gradients(None), gradients(OnlineScorer(CLS))
    assert sum(gradient is not None for gradient in without) > 40
    for expected, gradient in zip(without, with_scorer, strict=True):
        assert (gradient is None) == (expected is None)
        assert expected is None or torch.equal(gradient, expected)


# -- by a frozen network


@pytest.mark.parametrize('attention', [CLS, RECEIVED, dict(RECEIVED, block=0, head='sum')])
def test_frozen_scores_are_the_checkpoints(pretrained, checkpoint, student, views, attention):
    scores = frozen(checkpoint, attention)(views, student)
    expected = scores_of(MODELS.build(attention), pretrained, views)
    assert scores.shape == (2, 16) and not scores.requires_grad
    assert expected.std() > 1e-4 and torch.equal(scores, expected)


def test_the_frozen_features_are_the_checkpoints(pretrained, checkpoint, views):
    assert torch.equal(frozen(checkpoint, CLS).backbone(views)[-1], pretrained(views)[-1])


@pytest.mark.parametrize(
    'attention, kept',
    [
        (CLS, 3),
        (RECEIVED, 2),
        (dict(RECEIVED, block=0), 1),
        (dict(RECEIVED, block='all'), 3),
        (dict(CLS, blocks=(-3, -2)), 2),
    ],
)
def test_blocks_behind_the_last_that_is_read_are_dropped(
    pretrained, checkpoint, student, views, attention, kept
):
    scorer = frozen(checkpoint, attention)
    assert len(scorer.backbone.layers) == kept
    expected = scores_of(MODELS.build(attention), pretrained, views)
    assert torch.equal(scorer(views, student), expected)


def test_it_stays_frozen_and_in_evaluation_mode(checkpoint, student, views):
    scorer = frozen(checkpoint)
    scorer.train()
    assert not any(module.training for module in scorer.backbone.modules())
    assert not any(parameter.requires_grad for parameter in scorer.backbone.parameters())
    model = Guided(config(checkpoint), student)
    model.init_weights()
    model.train()
    model(views)['loss'].backward()
    assert all(parameter.grad is None for parameter in model.scorer.backbone.parameters())
    assert student.layers[0].attn.qkv.weight.grad.abs().max() > 0


def test_no_one_sees_its_weights(checkpoint, student):
    model = Guided(config(checkpoint), student)
    model.init_weights()
    names = {f'backbone.{name}' for name in student.state_dict()}
    assert set(model.state_dict()) == names
    assert {name for name, _ in model.named_parameters()} == names
    assert model.load_state_dict(model.state_dict(), strict=True).missing_keys == []


def test_it_moves_and_is_copied_with_its_model(checkpoint, student, views):
    model = Guided(config(checkpoint), student)
    model.init_weights()
    model.double()
    assert model.scorer.backbone.pos_embed.dtype == torch.float64
    scores = model.scorer(views.double(), student)
    twin = copy.deepcopy(model)
    assert twin.scorer.backbone is not model.scorer.backbone
    model.float()
    assert twin.scorer.backbone.pos_embed.dtype == torch.float64
    assert torch.equal(twin.scorer(views.double(), student), scores)
    model.to('meta')
    assert model.scorer.backbone.pos_embed.device.type == 'meta'


def test_another_size_and_another_patch(pretrained, checkpoint, views):
    """The network sees 8 pixels, a grid of 2 x 2; the mask's is 4 x 4."""
    scorer = frozen(checkpoint, size=8)
    scores = scorer(views, make_student())
    small = nn.functional.interpolate(views, size=(8, 8), mode='bicubic', antialias=True)
    expected = scores_of(ReceivedAttentionTap(block=-2, head=0), pretrained, small)
    assert expected.shape == (2, 4) and scores.shape == (2, 16)
    corners = scores.reshape(2, 4, 4)[:, ::3, ::3].flatten(1)  # bilinear: where nothing is mixed
    torch.testing.assert_close(corners, expected)
    student = make_student(patch_size=8)
    with pytest.raises(ValueError, match=r'a grid of \(4, 4\), the mask.s of \(2, 2\)') as error:
        frozen(checkpoint)(views, student)
    assert '\n' not in str(error.value)
    assert frozen(checkpoint, size=8)(views, student).shape == (2, 4)


def test_partial_patches_are_padded_on_both_sides(checkpoint, student):
    views = torch.randn(1, 3, 14, 18)
    assert frozen(checkpoint)(views, student).shape == (1, 4 * 5)


def test_mistakes(checkpoint, student, views):
    for build in (OnlineScorer, lambda tap: MODELS.build(config(checkpoint, tap))):
        with pytest.raises(ValueError, match='leave out attention.per_head'):
            build(dict(CLS, per_head=True))
    with pytest.raises(ValueError, match='needs trained weights: give scorer.backbone.init_cfg'):
        FrozenScorer(dict(type='VisionTransformer', **VIT), CLS)
    with pytest.raises(RuntimeError, match='call init_weights'):
        MODELS.build(config(checkpoint))(views, student)
    with pytest.raises(UserError, match='No checkpoint is set'):
        frozen('SET-ME')
    random = dict(type='VisionTransformer', init_cfg=None, **VIT)
    assert FrozenScorer(random, CLS)(views, student).shape == (2, 16)  # asked for


def test_training_and_resuming_through_the_runner(checkpoint, pretrained, tmp_path, monkeypatch):
    monkeypatch.setattr('mmengine.runner.runner.collect_env', dict)
    images = [dict(inputs=image) for image in torch.randn(4, 3, 16, 16)]

    def train(epochs, **options):
        student = make_student()
        runner = Runner(
            model=Guided(config(checkpoint), student),
            work_dir=str(tmp_path),
            experiment_name=f'epochs_{epochs}',
            train_dataloader=DataLoader(images, batch_size=2),
            train_cfg=dict(by_epoch=True, max_epochs=epochs),
            optim_wrapper=dict(optimizer=dict(type='AdamW', lr=1e-3)),
            default_hooks=dict(checkpoint=dict(type='CheckpointHook', interval=1)),
            default_scope='mmpretrain',
            **options,
        )
        runner.train()
        return runner.model

    train(1)
    saved = torch.load(tmp_path / 'epoch_1.pth', weights_only=False)
    assert set(saved['state_dict']) == {f'backbone.{n}' for n in make_student().state_dict()}
    model = train(2, resume=True)
    saved_again = torch.load(tmp_path / 'epoch_2.pth', weights_only=False)
    assert saved_again['meta']['iter'] == 4
    assert len(saved_again['optimizer']['param_groups'][0]['params']) == len(
        list(model.backbone.parameters())
    )
    qkv = model.scorer.backbone.layers[0].attn.qkv.weight
    assert torch.equal(qkv, pretrained.layers[0].attn.qkv.weight)
