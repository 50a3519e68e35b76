"""Apply the objective of DINO and iBOT: temperatures, centres, weights."""

from mmengine.model import BaseModule
from mmpretrain.registry import MODELS
from torch import Tensor

from ..losses import cls_distillation_loss, patch_distillation_loss, teacher_probabilities
from .center import Center


@MODELS.register_module()
class SelfDistillationHead(BaseModule):
    """Weigh DINO's CLS loss and iBOT's patch loss, each with its own centre and temperature.

    The centre used for a batch is the one from before that batch. Temperatures are attributes that
    a schedule sets: ``head.teacher_temp`` and ``head.teacher_patch_temp``.

    Args:
        out_channels: Number K of prototypes.
        student_temp: The student's temperature.
        teacher_temp: The teacher's temperature for CLS tokens.
        teacher_patch_temp: The teacher's temperature for patch tokens.
        center_momentum: Momentum of the CLS and of the patch centre.
        cls_weight: Weight of the CLS loss.
        patch_weight: Weight of the patch loss (AttMask's lambda, Table A15); 0: DINO, nothing is
            computed for patches.
        init_cfg: As every mm module's.
    """

    def __init__(
        self,
        out_channels: int,
        student_temp: float = 0.1,
        teacher_temp: float = 0.04,
        teacher_patch_temp: float = 0.04,
        center_momentum: float = 0.9,
        cls_weight: float = 1.0,
        patch_weight: float = 1.0,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg)
        for name, value in dict(
            student_temp=student_temp,
            teacher_temp=teacher_temp,
            teacher_patch_temp=teacher_patch_temp,
        ).items():
            if value <= 0:
                raise ValueError(f'{name} must be positive, got {value}.')
        self.student_temp = student_temp
        self.teacher_temp = teacher_temp
        self.teacher_patch_temp = teacher_patch_temp
        self.cls_weight = cls_weight
        self.patch_weight = patch_weight
        self.center = Center(out_channels, center_momentum)
        if patch_weight > 0:
            self.patch_center = Center(out_channels, center_momentum)

    def cls_loss(self, student_logits: Tensor, teacher_logits: Tensor) -> Tensor:
        """Return the weighted CLS loss; update the CLS centre afterwards.

        Args:
            student_logits: (S, B, K), global views first.
            teacher_logits: (T, B, K) of the global views, without gradient.
        """
        targets = teacher_probabilities(teacher_logits, self.center.value, self.teacher_temp)
        loss = cls_distillation_loss(student_logits, targets, self.student_temp)
        mean = teacher_logits.mean(dim=(0, 1), dtype=targets.dtype)
        self.center.update(mean.unsqueeze(0))
        return self.cls_weight * loss

    def patch_loss(
        self, student_logits: Tensor, teacher_logits: Tensor, mask: Tensor, teacher_mean: Tensor
    ) -> Tensor:
        """Return the weighted patch loss; update the patch centre afterwards.

        Args:
            student_logits: (M, K) at the masked patches.
            teacher_logits: (M, K) at the masked patches, without gradient.
            mask: (T B, L) bool.
            teacher_mean: (1, K) mean of the teacher's logits over *all* patches, masked or not.
        """
        center = self.patch_center.value
        targets = teacher_probabilities(teacher_logits, center, self.teacher_patch_temp)
        loss = patch_distillation_loss(student_logits, targets, mask, self.student_temp)
        self.patch_center.update(teacher_mean)
        return self.patch_weight * loss
