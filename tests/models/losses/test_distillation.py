"""The losses against naive float64 loops that follow the equations, and hand-worked numbers."""

import math

import pytest
import torch

from mmmask.models.losses import (
    cls_distillation_loss,
    patch_distillation_loss,
    teacher_probabilities,
)


def naive_softmax(logits, temperature):
    exps = [math.exp(value / temperature) for value in logits]
    return [value / sum(exps) for value in exps]


def naive_cross_entropy(student_logits, target, temperature):
    probabilities = naive_softmax(student_logits, temperature)
    return -sum(t * math.log(p) for t, p in zip(target, probabilities))


def test_teacher_probabilities_by_hand():
    # (logits - center) / 0.5 = (0, 2 ln 2): weights 1 and 4.
    logits = torch.tensor([[1.0, 1.0 + math.log(2)]], dtype=torch.float64)
    center = torch.tensor([[1.0, 1.0]], dtype=torch.float64)
    result = teacher_probabilities(logits, center, 0.5)
    torch.testing.assert_close(result, torch.tensor([[0.2, 0.8]], dtype=torch.float64))


def test_teacher_probabilities_of_half_precision_are_float32():
    assert (
        teacher_probabilities(torch.zeros(2, 3).bfloat16(), torch.zeros(1, 3), 1.0).dtype
        == torch.float32
    )


def test_cls_loss_by_hand():
    # Two views, one image, two prototypes; the student is uniform, so every term is ln 2.
    targets = torch.tensor([[[0.3, 0.7]], [[0.9, 0.1]]], dtype=torch.float64)
    loss = cls_distillation_loss(torch.zeros(2, 1, 2, dtype=torch.float64), targets, 0.1)
    assert loss.item() == pytest.approx(math.log(2), abs=1e-12)


@pytest.mark.parametrize('num_local', [0, 3])
def test_cls_loss_follows_the_equations(num_local):
    generator = torch.Generator().manual_seed(0)
    num_teacher, batch, channels = 2, 3, 5
    student = torch.randn(num_teacher + num_local, batch, channels, generator=generator).double()
    teacher = torch.randn(num_teacher, batch, channels, generator=generator).double()
    targets = teacher.div(0.04).softmax(dim=-1)

    total, terms = 0.0, 0
    for t in range(num_teacher):
        for s in range(num_teacher + num_local):
            if s == t:
                continue
            pairs = zip(student[s].tolist(), targets[t].tolist())
            total += sum(naive_cross_entropy(x, q, 0.1) for x, q in pairs) / batch
            terms += 1
    assert terms == num_teacher * (num_teacher + num_local - 1)
    loss = cls_distillation_loss(student, targets, 0.1)
    assert loss.item() == pytest.approx(total / terms, rel=1e-12)


def test_cls_loss_needs_two_views():
    with pytest.raises(ValueError, match='No pairs'):
        cls_distillation_loss(torch.zeros(1, 2, 4), torch.zeros(1, 2, 4), 0.1)


def test_patch_loss_by_hand():
    # Uniform student: a masked patch costs ln 2. Image 0 has two (mean ln 2), image 1 none: the
    # mean over images is half.
    mask = torch.tensor([[True, False, True], [False, False, False]])
    targets = torch.tensor([[0.5, 0.5], [1.0, 0.0]], dtype=torch.float64)
    loss = patch_distillation_loss(torch.zeros(2, 2, dtype=torch.float64), targets, mask, 0.1)
    assert loss.item() == pytest.approx(math.log(2) / 2, abs=1e-12)


def test_patch_loss_on_masked_tokens_equals_the_all_token_equation():
    generator = torch.Generator().manual_seed(1)
    views, batch, tokens, channels = 2, 3, 6, 4
    student = torch.randn(views * batch, tokens, channels, generator=generator).double()
    targets = torch.randn(views * batch, tokens, channels, generator=generator).double().softmax(-1)
    mask = torch.rand(views * batch, tokens, generator=generator) < 0.4
    mask[4] = False

    # Eq. 3 as published: every token's cross entropy, times the mask, per view, then the mean over
    # views.
    total = 0.0
    for view in range(views):
        for image in range(view * batch, (view + 1) * batch):
            terms = [
                naive_cross_entropy(student[image, i].tolist(), targets[image, i].tolist(), 0.1)
                * float(mask[image, i])
                for i in range(tokens)
            ]
            total += sum(terms) / max(int(mask[image].sum()), 1) / batch
    loss = patch_distillation_loss(student[mask], targets[mask], mask, 0.1)
    assert loss.item() == pytest.approx(total / views, rel=1e-12)


def test_patch_loss_without_a_masked_token_is_zero_with_a_gradient():
    logits = torch.zeros(0, 4, requires_grad=True)
    loss = patch_distillation_loss(
        logits, torch.zeros(0, 4), torch.zeros(2, 3, dtype=torch.bool), 0.1
    )
    assert loss.item() == 0
    loss.backward()


def test_many_logits_pass_in_parts_with_the_gradient_of_the_whole():
    """d/dx of -sum q log softmax(x / t), a mean over M patches, is (softmax(x / t) - q) / t / M."""
    generator = torch.Generator().manual_seed(2)
    logits = torch.randn(40, 2**15, generator=generator).double().requires_grad_()
    targets = torch.randn(40, 2**15, generator=generator).double().softmax(-1)
    loss = patch_distillation_loss(logits, targets, torch.ones(1, 40, dtype=torch.bool), 0.1)
    loss.backward()
    probabilities = logits.detach().div(0.1).softmax(-1)
    expected = -(targets * probabilities.log()).sum(-1).mean()
    assert loss.item() == pytest.approx(expected.item(), rel=1e-12)
    torch.testing.assert_close(logits.grad, (probabilities - targets) / 0.1 / 40)
