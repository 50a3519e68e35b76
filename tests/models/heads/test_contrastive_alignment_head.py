"""Projector, predictor, stop-gradient and weight of ccMIM's alignment; two ranks are one."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.parallel import DistributedDataParallel
from two_ranks import on_two_ranks

from mmmask.models.heads import ContrastiveAlignmentHead
from mmmask.models.losses import negative_cosine, visible_masked_nce
from mmmask.utils.errors import UserError

OBJECTIVES = {
    'nce': dict(objective='nce'),
    'nce as printed': dict(objective='nce', negatives='visible'),
    'cosine': dict(objective='cosine'),
}


def head(**kwargs):
    torch.manual_seed(0)
    part = ContrastiveAlignmentHead(6, **{**dict(out_channels=32), **kwargs}).double()
    part.init_weights()
    return part


def cls_tokens(images=7):
    generator = torch.Generator().manual_seed(1)
    return torch.randn(2, images, 6, generator=generator, dtype=torch.float64)


def shapes(module):
    return {name: tuple(value.shape) for name, value in module.named_parameters()}


def test_projector():
    part = ContrastiveAlignmentHead(6)
    # Neither a bias nor an affine last BN: hidden width as the tokens', 256 channels out.
    expected = {'fc0.weight': (6, 6), 'bn0.weight': (6,), 'bn0.bias': (6,), 'fc1.weight': (256, 6)}
    assert shapes(part.projector) == expected
    assert not part.projector.bn1.affine and part.projector.bn1.running_mean.shape == (256,)
    assert not hasattr(part, 'predictor')
    assert ContrastiveAlignmentHead(6, hidden_channels=9).projector.fc0.out_features == 9


def test_one_image_is_refused():
    with pytest.raises(UserError, match='batch_size to at least 2'):
        head().loss(*cls_tokens(1))


def test_projector_computes_linear_bn_relu_linear_bn():
    part, (visible, _) = head(), cls_tokens()

    def batch_norm(x):
        return (x - x.mean(dim=0)) / (x.var(dim=0, unbiased=False) + 1e-5).sqrt()

    hidden = batch_norm(visible @ part.projector.fc0.weight.T).clamp(min=0)
    expected = batch_norm(hidden @ part.projector.fc1.weight.T)
    torch.testing.assert_close(part.projector((visible,))[0], expected, rtol=1e-9, atol=1e-9)


def test_predictor():
    part = ContrastiveAlignmentHead(6, objective='cosine')
    expected = {
        'fc0.weight': (64, 256),
        'bn0.weight': (64,),
        'bn0.bias': (64,),
        'fc1.weight': (256, 64),
        'fc1.bias': (256,),
    }
    assert shapes(part.predictor) == expected


@pytest.mark.parametrize('weight', [0.2, 1.5])
def test_nce_of_the_projections(weight):
    part, (visible, masked) = head(weight=weight, temperature=0.3), cls_tokens()
    sides = (part.projector((side,))[0] for side in (visible, masked))
    expected = weight * visible_masked_nce(*sides, 0.3).item()
    assert part.loss(visible, masked).item() == pytest.approx(expected, rel=1e-12)


def test_nce_as_printed():
    part, (visible, masked) = head(negatives='visible'), cls_tokens()
    sides = (part.projector((side,))[0] for side in (visible, masked))
    expected = 0.2 * visible_masked_nce(*sides, negatives='visible').item()
    assert part.loss(visible, masked).item() == pytest.approx(expected, rel=1e-12)


def test_cosine_has_the_predictor_on_the_visible_side_only():
    part, (visible, masked) = head(objective='cosine', weight=0.4), cls_tokens()
    visible_side, masked_side = (part.projector((side,))[0] for side in (visible, masked))
    expected = 0.4 * negative_cosine(part.predictor((visible_side,))[0], masked_side).item()
    assert part.loss(visible, masked).item() == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize('options', OBJECTIVES.values(), ids=OBJECTIVES.keys())
def test_the_masked_side_is_a_teacher(options):
    part, (visible, masked) = head(**options), cls_tokens()
    visible.requires_grad_()
    masked.requires_grad_()
    part.loss(visible, masked).backward()
    assert masked.grad is None and visible.grad.abs().max() > 1e-4
    found = {name: value.grad for name, value in part.named_parameters()}
    assert all(value.abs().max() > 0 for value in found.values())
    # The shared projector learns from the visible side: a fixed target gives the same gradient.
    other = head(**options)
    targets = other.projector((masked.detach(),))[0].detach()
    other.projector.register_forward_hook(
        lambda _module, inputs, output: (targets,) if inputs[0][0] is masked else output
    )
    other.loss(visible.detach(), masked).backward()
    for name, value in other.named_parameters():
        torch.testing.assert_close(found[name], value.grad, rtol=1e-12, atol=0)


@pytest.mark.parametrize(
    'wrong, message',
    [
        (dict(objective='simclr'), "objective must be 'nce' or 'cosine', got 'simclr'"),
        (dict(negatives='all'), "negatives must be 'masked' or 'visible', got 'all'"),
        (dict(weight=0.0), 'weight must be positive, got 0.0: leave out `contrast`'),
        (dict(temperature=0), 'temperature must be positive, got 0'),
    ],
)
def test_wrong_values(wrong, message):
    with pytest.raises(ValueError, match=message):
        ContrastiveAlignmentHead(6, **wrong)


class Aligned(nn.Module):
    """The head behind a layer that makes the CLS tokens; without BN, which differs on CPU ranks."""

    def __init__(self, options):
        super().__init__()
        torch.manual_seed(0)
        self.layer = nn.Linear(5, 6).double()
        self.contrast = head(**options)
        for mlp in self.contrast.children():
            for name in [name for name, _ in mlp.named_children() if name.startswith('bn')]:
                setattr(mlp, name, nn.Identity())

    def forward(self, images):
        with torch.no_grad():
            masked = self.layer(images.flip(1))
        return self.contrast.loss(self.layer(images), masked)


def images_of_both():
    generator = torch.Generator().manual_seed(2)
    return torch.randn(6, 5, generator=generator, dtype=torch.float64)


def loss_and_gradients(model, images):
    loss = model(images)
    loss.backward()
    found = {name: value.grad.numpy() for name, value in model.named_parameters()}
    return {'loss': loss.item(), **{k.removeprefix('module.'): v for k, v in found.items()}}


def of_rank(rank):
    own = images_of_both()[3 * rank : 3 * rank + 3]
    found = {
        name: loss_and_gradients(DistributedDataParallel(Aligned(options)), own)
        for name, options in OBJECTIVES.items()
    }
    try:
        Aligned(OBJECTIVES['nce'])(own[rank:])  # 3 and 2 images
    except ValueError as error:
        found['uneven'] = str(error)
    return found


def test_two_ranks_are_one():
    found = on_two_ranks(of_rank)
    for name, options in OBJECTIVES.items():
        expected = loss_and_gradients(Aligned(options), images_of_both())
        losses = [found[rank][name].pop('loss') for rank in (0, 1)]
        assert np.mean(losses) == pytest.approx(expected.pop('loss'), rel=1e-12)
        assert losses[0] != losses[1]
        for rank in (0, 1):
            assert found[rank][name].keys() == expected.keys()
            for key, value in expected.items():
                error = np.abs(found[rank][name][key] - value).max()
                assert error <= 1e-12 * max(np.abs(value).max(), 1), (name, rank, key, error)
                assert np.abs(value).max() > 1e-4, key
    for rank in (0, 1):
        assert found[rank]['uneven'] == (
            'The ranks hold batches of different sizes, [3, 2]: set '
            'train_dataloader.drop_last=True.'
        )
