"""Temperatures, centres and weights of the head, by hand."""

import math

import pytest
import torch

from mmmask.models.heads import SelfDistillationHead

LN2, LN3 = math.log(2), math.log(3)


def double(values):
    return torch.tensor(values, dtype=torch.float64)


def head(**kwargs):
    options = dict(student_temp=1.0, teacher_temp=0.5, teacher_patch_temp=0.5)
    return SelfDistillationHead(2, **{**options, **kwargs}).double()


def test_cls_loss_uses_the_centre_from_before_the_batch():
    part = head()
    # The student gives (1/2, 1/2) in view 0 and (3/4, 1/4) in view 1.
    student = double([[[0.0, 0.0]], [[LN3, 0.0]]])
    # Logits / 0.5 = (2 ln 2, 0) and (0, 2 ln 3): targets (4/5, 1/5) and (1/10, 9/10).
    teacher = double([[[LN2, 0.0]], [[0.0, LN3]]])
    # Target 0 teaches view 1, target 1 teaches view 0.
    first = (-(0.8 * math.log(3 / 4) + 0.2 * math.log(1 / 4)) + LN2) / 2
    assert part.cls_loss(student, teacher).item() == pytest.approx(first, rel=1e-12)
    # The mean logits are (ln 2, ln 3) / 2, of which the centre takes a tenth.
    center = double([[LN2 / 20, LN3 / 20]])
    torch.testing.assert_close(part.center.value, center, rtol=1e-12, atol=0)

    # Now with that centre: exp((l - c) / 0.5).
    odds = math.exp(2 * (LN2 - LN2 / 20 + LN3 / 20))
    target = odds / (1 + odds)
    second = (-(target * math.log(3 / 4) + (1 - target) * math.log(1 / 4)) + LN2) / 2
    assert part.cls_loss(student, teacher).item() == pytest.approx(second, rel=1e-12)
    torch.testing.assert_close(part.center.value, 1.9 * center, rtol=1e-12, atol=0)
    assert not part.patch_center.value.any()


def test_patch_loss_and_its_centre_over_all_patches():
    part = head(center_momentum=0.8)
    mask = torch.tensor([[True, False], [False, False]])
    student, teacher = double([[LN3, 0.0]]), double([[LN2, 0.0]])
    mean_of_all = double([[5.0, -1.0]])  # says nothing about the one masked patch
    # Image 0: one patch with target (4/5, 1/5); image 1 has none.
    expected = -(0.8 * math.log(3 / 4) + 0.2 * math.log(1 / 4)) / 2
    loss = part.patch_loss(student, teacher, mask, mean_of_all)
    assert loss.item() == pytest.approx(expected, rel=1e-12)
    torch.testing.assert_close(part.patch_center.value, double([[1.0, -0.2]]), rtol=1e-12, atol=0)
    assert not part.center.value.any()


def test_each_loss_has_its_own_temperature_and_weight():
    part = head(cls_weight=3.0, patch_weight=0.5)
    part.teacher_temp, part.teacher_patch_temp = 1.0, 0.25  # as a schedule sets them
    student, teacher = double([[LN3, 0.0]]), double([[LN2, 0.0]])
    # Temperature 1: target (2/3, 1/3); 0.25: odds 2^4, target (16/17, 1/17).
    cls = -(2 / 3 * math.log(3 / 4) + 1 / 3 * math.log(1 / 4))
    patch = -(16 / 17 * math.log(3 / 4) + 1 / 17 * math.log(1 / 4))
    views = torch.stack([student, student])
    loss = part.cls_loss(views, torch.stack([teacher, teacher]))
    assert loss.item() == pytest.approx(3 * cls, rel=1e-12)
    mask = torch.tensor([[False, True]])
    loss = part.patch_loss(student, teacher, mask, teacher)
    assert loss.item() == pytest.approx(0.5 * patch, rel=1e-12)


def test_the_students_temperature_divides_its_logits():
    part = head(student_temp=0.5)
    views = double([[[LN3, 0.0]], [[LN3, 0.0]]])  # odds 3^2
    teacher = double([[[0.0, 0.0]], [[0.0, 0.0]]])
    expected = -(math.log(9 / 10) + math.log(1 / 10)) / 2
    assert part.cls_loss(views, teacher).item() == pytest.approx(expected, rel=1e-12)


def test_without_patches_there_is_no_patch_centre():
    assert set(head(patch_weight=0.0).state_dict()) == {'center.value'}
    assert set(head().state_dict()) == {'center.value', 'patch_center.value'}


@pytest.mark.parametrize('name', ['student_temp', 'teacher_temp', 'teacher_patch_temp'])
def test_temperatures_are_positive(name):
    with pytest.raises(ValueError, match=f'{name} must be positive'):
        head(**{name: 0.0})
