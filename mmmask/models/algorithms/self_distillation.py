"""Self-distillation with masks: DINO, iBOT and AttMask are configs of this class."""

import copy

import torch
from mmpretrain.models.selfsup import BaseSelfSupervisor
from mmpretrain.registry import MODELS
from torch import Tensor

from .ema_teacher import EMATeacher


@MODELS.register_module()
class SelfDistillation(BaseSelfSupervisor):
    """A student sees masked views, its EMA teacher sees them whole.

    One step: the teacher encodes the global views, its attention scores the patches, the masker
    hides some of them from the student, and the head compares the tokens. Which parts are given
    makes the method:

    ======== ================ ================= ==================
    method   masker           attention         head.patch_weight
    ======== ================ ================= ==================
    DINO     None             None              0
    iBOT     BlockMasker      None              1
    AttMask  AttentionMasker  AttentionTap      1 (0 on DINO)
    ======== ================ ================= ==================

    Args:
        backbone: Config of a ViT that gives all tokens, e.g. ``MaskedVisionTransformer``. The
            teacher's is the same without drop path.
        neck: Config of ``DINOProjection``, shared by CLS and patch tokens.
        head: Config of ``SelfDistillationHead``.
        masker: Config of a masker; None: nothing is masked.
        attention: Config of an ``AttentionTap``, read off the teacher, for maskers that need
            scores.
        num_global_views: The first so many views are global: they are masked, and the teacher sees
            them. The others are local.
        momentum: The teacher's momentum until a schedule sets ``teacher.momentum``.
        data_preprocessor: As mmpretrain's ``SelfSupDataPreprocessor``.
        init_cfg: As every mm module's.

    Raises:
        ValueError: If the masker needs scores and there is no tap, or patches are to be compared
            and none is masked.
    """

    def __init__(
        self,
        backbone: dict,
        neck: dict,
        head: dict,
        masker: dict | None = None,
        attention: dict | None = None,
        num_global_views: int = 2,
        momentum: float = 0.996,
        data_preprocessor: dict | None = None,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(
            backbone=backbone,
            neck=neck,
            head=head,
            data_preprocessor=data_preprocessor,
            init_cfg=init_cfg,
        )
        self.masker = MODELS.build(masker) if masker else None
        self.attention = MODELS.build(attention) if attention else None
        self.num_global_views = num_global_views
        if self.masker is None and self.head.patch_weight > 0:
            raise ValueError(
                'head.patch_weight > 0 compares masked patches: give a masker, or set it to 0.'
            )
        needs_scores = self.masker is not None and self.masker.needs_scores
        if needs_scores != (self.attention is not None):
            raise ValueError(
                f'The masker {"needs" if needs_scores else "does not use"} scores: '
                f'{"give" if needs_scores else "leave out"} `attention`.'
            )
        teacher_backbone = MODELS.build({**backbone, 'drop_path_rate': 0.0, 'init_cfg': None})
        self.teacher = EMATeacher(
            momentum, backbone=teacher_backbone, neck=copy.deepcopy(self.neck)
        )
        self.teacher.copy_from(self)

    def init_weights(self) -> None:
        super().init_weights()
        self.teacher.copy_from(self)

    def loss(self, inputs: list[Tensor], data_samples: list | None = None) -> dict[str, Tensor]:
        """Losses of a batch.

        Args:
            inputs: One (B, 3, H, W) tensor per view, the global ones first; views of one size share
                a forward pass.
            data_samples: Not used: no label is seen.

        Returns:
            ``loss_cls``, ``loss_patch`` (if patches are compared) and ``mask_ratio`` (if any view
            is masked).
        """
        num_views, batch_size = self.num_global_views, len(inputs[0])
        global_views = torch.cat(inputs[:num_views])  # (T B, 3, H, W)
        teacher_cls, teacher_patches, scores = self._teach(global_views)
        mask = self._mask(global_views, scores)
        student = self._student_tokens(global_views, mask)
        cls_tokens = [student[:, 0], *self._local_cls_tokens(inputs[num_views:])]
        cls_bottleneck = self.neck.bottleneck(torch.cat(cls_tokens))  # (S B, D)

        if self.head.patch_weight == 0:
            logs = {} if mask is None else dict(mask_ratio=mask.float().mean())
            student_cls = self.neck.logits(cls_bottleneck)
            teacher_cls = self._teacher_logits(teacher_cls)
            return dict(loss_cls=self._cls_loss(student_cls, teacher_cls, batch_size), **logs)

        # The last layer sees CLS tokens and masked patches only, in one product.
        masked = self.neck.bottleneck(student[:, 1:][mask])  # (M, D)
        student_logits = self.neck.logits(torch.cat((cls_bottleneck, masked)))
        student_cls, student_patches = student_logits.split((len(cls_bottleneck), len(masked)))
        teacher_mean = teacher_patches.mean(dim=(0, 1)).unsqueeze(0)  # linear: exact
        teacher_logits = self._teacher_logits(
            torch.cat((teacher_cls, teacher_patches[mask], teacher_mean))
        )
        sizes = (len(teacher_cls), len(masked), 1)
        teacher_cls, teacher_patches, teacher_mean = teacher_logits.split(sizes)
        return dict(
            loss_cls=self._cls_loss(student_cls, teacher_cls, batch_size),
            loss_patch=self.head.patch_loss(student_patches, teacher_patches, mask, teacher_mean),
            mask_ratio=mask.float().mean(),
        )

    @torch.no_grad()
    def _teach(self, views: Tensor) -> tuple[Tensor, Tensor, Tensor | None]:
        """Teacher's bottlenecks of CLS (T B, D) and patches (T B, L, D); scores (T B, L)."""
        if self.attention is None:
            tokens, scores = self.teacher.backbone(views)[-1], None
        else:
            with self.attention(self.teacher.backbone) as record:
                tokens = self.teacher.backbone(views)[-1]
            scores = record.scores()
        if self.head.patch_weight == 0:
            tokens = tokens[:, :1]
        bottleneck = self.teacher.neck.bottleneck(tokens)
        return bottleneck[:, 0], bottleneck[:, 1:], scores

    @torch.no_grad()
    def _teacher_logits(self, bottleneck: Tensor) -> Tensor:
        return self.teacher.neck.logits(bottleneck)

    def _mask(self, views: Tensor, scores: Tensor | None) -> Tensor | None:
        """(T B, L) bool, or None without a masker."""
        if self.masker is None:
            return None
        grid = self.backbone.grid(*views.shape[-2:])
        return self.masker(grid, len(views), scores, views.device)

    def _student_tokens(self, views: Tensor, mask: Tensor | None) -> Tensor:
        return self.backbone(views)[-1] if mask is None else self.backbone(views, mask)[-1]

    def _local_cls_tokens(self, views: list[Tensor]) -> list[Tensor]:
        """CLS tokens (n B, C) of the local views, one forward for each size."""
        sizes = dict.fromkeys(view.shape[-2:] for view in views)
        groups = [torch.cat([v for v in views if v.shape[-2:] == size]) for size in sizes]
        return [self.backbone(group)[-1][:, 0] for group in groups]

    def _cls_loss(self, student: Tensor, teacher: Tensor, batch_size: int) -> Tensor:
        student = student.unflatten(0, (-1, batch_size))  # (S, B, K)
        return self.head.cls_loss(student, teacher.unflatten(0, (-1, batch_size)))
