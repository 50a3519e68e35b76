"""The moving average by hand."""

import pytest
import torch
from torch import nn

from mmmask.models.algorithms import EMATeacher


class Student(nn.Module):
    """Two parts, one of which the teacher lacks."""

    def __init__(self, value):
        super().__init__()
        self.body = nn.Linear(1, 1)
        self.decoder = nn.Linear(1, 1)
        for parameter in self.parameters():
            nn.init.constant_(parameter, value)


def teacher_at(value, momentum):
    body = nn.Linear(1, 1)
    teacher = EMATeacher(momentum, body=body)
    for parameter in teacher.parameters():
        parameter.data.fill_(value)
    return teacher.double()


def test_update_by_hand():
    teacher, student = teacher_at(4.0, momentum=0.75), Student(2.0).double()
    teacher.update(student)
    assert teacher.body.weight.item() == 3.5  # 0.75 x 4 + 0.25 x 2
    teacher.update(student)
    assert teacher.body.bias.item() == 3.125  # 0.75 x 3.5 + 0.25 x 2
    assert all((parameter == 2).all() for parameter in student.parameters())


@pytest.mark.parametrize('momentum, expected', [(1.0, 4.0), (0.0, 2.0)])
def test_extreme_momenta(momentum, expected):
    teacher = teacher_at(4.0, momentum=0.5)
    teacher.momentum = momentum  # as a schedule sets it
    teacher.update(Student(2.0).double())
    assert teacher.body.weight.item() == expected


def test_copy():
    teacher, student = teacher_at(4.0, momentum=0.996), Student(2.0).double()
    teacher.copy_from(student)
    assert teacher.body.weight.item() == 2.0
    student.body.weight.data.fill_(7.0)  # a copy, not the same tensor
    assert teacher.body.weight.item() == 2.0


def test_what_only_the_teacher_has_stays():
    teacher = EMATeacher(0.5, body=nn.Linear(1, 1), extra=nn.Linear(1, 1, bias=False))
    teacher.extra.weight.data.fill_(9.0)
    teacher.update(Student(2.0))
    assert teacher.extra.weight.item() == 9.0


def test_no_gradient():
    teacher = teacher_at(1.0, momentum=0.5)
    assert not any(parameter.requires_grad for parameter in teacher.parameters())
    assert not teacher.body(torch.ones(1, 1).double()).requires_grad
