"""The whole loss of DINO, iBOT and AttMask against the equations, token by token."""

import copy

import pytest
import torch
from self_distillation_parts import (
    TOKENS,
    FixedMasker,
    build,
    fixed_mask,
    naive,
    naive_attention,
    views,
)

from mmmask.models.maskers import HighAttentionMasker

TEACHER = dict(type='TeacherScorer', attention=dict(type='AttentionTap'))


def fixed(counts=(5, 0, 1, 0, 16, 8)):
    mask = fixed_mask(list(counts))
    return dict(type=FixedMasker, mask=mask), mask


def gradients(model, loss):
    model.zero_grad()
    loss.backward()
    return {name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None}


def assert_equals_the_equations(model, mask):
    reference = naive(model, views(), mask)
    expected_gradients = gradients(
        model, sum(value for name, value in reference.items() if name.startswith('loss'))
    )
    losses = model.loss(views())
    found_gradients = gradients(
        model, sum(value for name, value in losses.items() if name.startswith('loss'))
    )
    found = dict(losses, center=model.head.center.value[0])
    if model.head.patch_weight > 0:
        found['patch_center'] = model.head.patch_center.value[0]
    if mask is not None:
        assert found.pop('mask_ratio').item() == pytest.approx(mask.double().mean().item())
    assert found.keys() == reference.keys()
    for name, value in reference.items():
        torch.testing.assert_close(found[name], value, rtol=1e-10, atol=1e-12, msg=name)
    assert found_gradients.keys() == expected_gradients.keys()
    largest = max(value.abs().max().item() for value in expected_gradients.values())
    for name, value in expected_gradients.items():
        error = (found_gradients[name] - value).abs().max().item()
        assert error < 1e-10 * largest, (name, error, largest)


def test_dino():
    assert_equals_the_equations(build(patch_weight=0.0), None)


def test_ibot():
    masker, mask = fixed()
    assert_equals_the_equations(build(masker, patch_weight=2.0), mask)


def test_ibot_when_nothing_is_masked():
    masker, mask = fixed([0] * 6)
    model = build(masker)
    assert_equals_the_equations(model, mask)
    assert model.loss(views())['loss_patch'].item() == 0


@pytest.mark.parametrize('masker', ['HighAttentionMasker', 'LowAttentionMasker'])
@pytest.mark.parametrize('patch_weight', [0.0, 1.0])
def test_attmask(masker, patch_weight):
    model = build(dict(type=masker, ratio=0.3, prob=1.0), TEACHER, patch_weight)
    # int(0.3 x 16) = 4 tokens, by what the teacher attends to on the whole view.
    scores = naive_attention(model.teacher.backbone, torch.cat(views()[:2]))
    chosen = scores.argsort(dim=1, descending=masker == 'HighAttentionMasker')[:, :4]
    mask = torch.zeros(6, TOKENS, dtype=torch.bool).scatter(1, chosen, True)
    assert len({tuple(row.tolist()) for row in mask}) > 1
    assert_equals_the_equations(model, mask)


def test_every_parameter_of_the_student_gets_a_gradient_and_none_of_the_teacher():
    for model in (build(patch_weight=0.0), build(fixed()[0])):
        losses = model.loss(views())
        found = gradients(model, sum(v for k, v in losses.items() if k.startswith('loss')))
        trained = {name for name, _ in model.named_parameters() if not name.startswith('teacher')}
        assert found.keys() == trained
        assert all(value.abs().sum() > 0 for value in found.values())


def test_the_teacher_moves_by_update_only():
    model = build(fixed()[0])
    before = copy.deepcopy(model.teacher.state_dict())
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    losses = model.loss(views())
    (losses['loss_cls'] + losses['loss_patch']).backward()
    optimizer.step()
    for name, value in model.teacher.state_dict().items():
        assert torch.equal(value, before[name]), name
    model.teacher.momentum = 0.75
    model.teacher.update(model)
    student = model.state_dict()
    for name, value in model.teacher.state_dict().items():
        expected = 0.75 * before[name] + 0.25 * student[name]
        torch.testing.assert_close(value, expected, rtol=1e-12, atol=1e-14, msg=name)


def test_the_teacher_starts_as_the_student_without_drop_path():
    model = build(fixed()[0], drop_path_rate=0.5)
    assert model.backbone.layers[-1].attn.out_drop.drop_prob == 0.5
    assert model.teacher.backbone.layers[-1].attn.out_drop.drop_prob == 0.0
    model.init_weights()
    student, teacher = model.state_dict(), model.teacher.state_dict()
    assert teacher.keys() == {name for name in student if name.startswith(('backbone.', 'neck.'))}
    for name, value in teacher.items():
        assert torch.equal(value, student[name]), name


def test_the_last_layer_sees_masked_tokens_only():
    # Of 30 masked patches; 2 x 3 global and 3 x 3 local CLS tokens; the teacher's 6, and a mean.
    model, rows = build(fixed()[0]), []
    for neck in (model.teacher.neck, model.neck):
        neck.last_layer.register_forward_hook(lambda _, inputs, __: rows.append(len(inputs[0])))
    model.loss(views())
    assert sorted(rows) == [6 + 30 + 1, 6 + 9 + 30]


def test_views_of_one_size_share_a_forward():
    model, batches = build(fixed()[0]), []
    model.backbone.patch_embed.register_forward_hook(
        lambda _, inputs, __: batches.append(tuple(inputs[0].shape[::3]))
    )
    model.loss(views())
    assert batches == [(6, 16), (6, 8), (3, 12)]


def test_deterministic_with_a_seed():
    def run(seed):
        masker = dict(type='HintAttentionMasker', ratio=(0.1, 0.9), prob=0.5, show_max=0.5)
        model = build(masker, TEACHER)
        torch.manual_seed(seed)
        return {name: value.item() for name, value in model.loss(views()).items()}

    assert run(0) == run(0)
    assert run(0) != run(1)


def test_mistakes():
    with pytest.raises(ValueError, match='patch_weight > 0'):
        build(masker=None, patch_weight=1.0)
    with pytest.raises(ValueError, match='needs scores: give `scorer`'):
        build(dict(type=HighAttentionMasker))
    with pytest.raises(ValueError, match='No part uses scores: leave out'):
        build(fixed()[0], TEACHER)
    with pytest.raises(ValueError, match='No part uses scores: leave out'):
        build(None, TEACHER, patch_weight=0.0)
