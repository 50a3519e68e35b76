"""Keep a teacher that follows its student."""

import torch
from torch import nn


class EMATeacher(nn.Module):
    r"""Average a student's parts exponentially.

    :math:`\theta' \leftarrow \alpha \theta' + (1 - \alpha) \theta` (AttMask, Section 3.1).

    The teacher has no gradient. ``momentum`` is the papers' :math:`\alpha` (mmengine's EMA counts
    the complement); a schedule sets it. Only parameters that both sides have are averaged.

    Args:
        momentum: :math:`\alpha` until a schedule sets it.
        **parts: The teacher's modules by the names that they have in the student.
    """

    def __init__(self, momentum: float = 0.996, **parts: nn.Module) -> None:
        super().__init__()
        self.momentum = momentum
        for name, part in parts.items():
            self.add_module(name, part)
        self.requires_grad_(False)

    @torch.no_grad()
    def copy_from(self, student: nn.Module) -> None:
        """Set every common parameter to the student's."""
        for mine, theirs in self._pairs(student):
            mine.copy_(theirs)

    @torch.no_grad()
    def update(self, student: nn.Module) -> None:
        """Take one step of the average, after the optimiser's."""
        mine, theirs = zip(*self._pairs(student))
        torch._foreach_lerp_(mine, theirs, 1 - self.momentum)

    def _pairs(self, student: nn.Module) -> list[tuple[nn.Parameter, nn.Parameter]]:
        """Return the parameters of both sides that have the same name."""
        theirs = dict(student.named_parameters())
        return [(mine, theirs[name]) for name, mine in self.named_parameters() if name in theirs]
