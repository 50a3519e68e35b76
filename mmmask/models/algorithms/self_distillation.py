"""Distil a network into itself behind masks: DINO, iBOT, AttMask and MST are configs of this."""

import copy
from itertools import repeat

import torch
from mmpretrain.models.selfsup import BaseSelfSupervisor
from mmpretrain.registry import MODELS
from torch import Tensor, nn

from mmmask.utils.errors import UserError, check_choice

from ..attention import TeacherScorer, check_scorer
from ..backbones.protocol import check_global_token, check_masked_encoder
from ..running_statistics import batch_norms, running_statistics
from .ema_teacher import EMATeacher

#: Number T of global views, which come first: they are masked, and the teacher sees them.
_NUM_GLOBAL = 2


@MODELS.register_module()
class SelfDistillation(BaseSelfSupervisor):
    """Train a student on masked views by its EMA teacher, which sees them whole.

    One step: the teacher encodes the global views, its attention scores the patches, the masker
    hides some of them from the student, and the head compares the tokens. Which parts are given
    makes the method:

    ======= =================== ============= ================= ===============
    method  masker              scorer        head.patch_weight restoration
    ======= =================== ============= ================= ===============
    DINO    None                None          0                 None
    iBOT    BlockMasker         None          1                 None
    AttMask HighAttentionMasker TeacherScorer 1 (0 on DINO)     None
    MST     ThresholdMasker     TeacherScorer 0                 RestorationHead
    ======= =================== ============= ================= ===============

    Args:
        backbone: Config of a network that gives a global token, then all patch tokens, e.g.
            ``MaskedVisionTransformer``. The teacher's is the same without drop path.
        neck: Config of ``DINOProjection``, shared by CLS and patch tokens.
        head: Config of ``SelfDistillationHead``.
        masker: Config of a masker; None: nothing is masked.
        scorer: Config of what gives scores to maskers that need them: a ``TeacherScorer`` (the
            teacher's own pass), an ``OnlineScorer`` (another pass of the student) or a
            ``FrozenScorer``.
        restoration: Config of a ``RestorationHead``, which restores the global views from the
            student's patch tokens; None: no such task.
        bn_statistics: Which samples share the statistics of batch normalisation. ``'view'``: every
            view passes the neck, the teacher's neck and the decoder alone, so that the samples are
            different images (MST, Appendix 3 and Algorithm 1). Running statistics see the global
            views only (Section 3.3). ``'global'``: the same, but the global views pass together,
            and so do the local ones. ``'all'``: all views pass together, and all of them count, as
            in DINO with ``use_bn`` (Table 6's normal batch normalisation). Without batch
            normalisation there is no difference.
        momentum: The teacher's momentum until a schedule sets ``teacher.momentum``.
        data_preprocessor: As mmpretrain's ``SelfSupDataPreprocessor``.
        init_cfg: As every mm module's.

    Raises:
        UserError: If the masker needs scores and nothing gives them. If patches are compared or
            restored and none is masked. If patches are compared behind batch normalisation, whose
            statistics would be those of the masked tokens.
    """

    def __init__(
        self,
        backbone: dict,
        neck: dict,
        head: dict,
        masker: dict | None = None,
        scorer: dict | None = None,
        restoration: dict | None = None,
        bn_statistics: str = 'view',
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
        self.scorer = MODELS.build(scorer) if scorer else None
        self.restoration = MODELS.build(restoration) if restoration else None
        self.bn_statistics = bn_statistics
        self._check_parts()
        teacher_backbone = MODELS.build({**backbone, 'drop_path_rate': 0.0, 'init_cfg': None})
        self.teacher = EMATeacher(
            momentum, backbone=teacher_backbone, neck=copy.deepcopy(self.neck)
        )
        self.teacher.copy_from(self)

    def _check_parts(self) -> None:
        check_choice('bn_statistics', self.bn_statistics, ('view', 'global', 'all'))
        if self.masker is None and self.head.patch_weight > 0:
            raise UserError(
                'head.patch_weight > 0 compares masked patches: give a masker, or set it to 0'
            )
        if self.head.patch_weight > 0 and batch_norms(self.neck):
            raise UserError(
                'head.patch_weight > 0 passes masked patches through the neck, whose batch '
                'normalisation would depend on how many: set neck.norm_cfg=None, or the weight to '
                '0'
            )
        if self.masker is None and getattr(self.restoration, 'target', None) == 'masked':
            raise UserError(
                "restoration.target='masked' restores masked patches: give a masker, or set it to "
                "'image'"
            )
        check_global_token(self, self.backbone)
        if self.masker is not None:
            check_masked_encoder(self, self.backbone, 'replace')
        needed = self.masker is not None and self.masker.needs_scores
        check_scorer(self.scorer, needed, teacher=True)

    def init_weights(self) -> None:
        super().init_weights()
        self.teacher.copy_from(self)

    def loss(self, inputs: list[Tensor], data_samples: list | None = None) -> dict[str, Tensor]:
        """Return the losses of a batch.

        Args:
            inputs: One (B, 3, H, W) tensor per view, the global ones first; views of one size share
                a forward pass.
            data_samples: Not used: no label is seen.

        Returns:
            ``loss_cls``, ``loss_patch`` (if patches are compared), ``loss_restoration`` (if views
            are restored) and ``mask_ratio`` (if any view is masked).
        """
        batch_size = len(inputs[0])
        alone = self.bn_statistics == 'view' and batch_norms(self)
        rows = batch_size if alone else batch_size * len(inputs)  # that share statistics
        global_views = torch.cat(inputs[:_NUM_GLOBAL])  # (T B, 3, H, W)
        teacher_cls, teacher_patches, scores = self._teach(global_views, rows)
        mask = self._mask(global_views, scores)
        student = self.backbone(global_views, *(() if mask is None else (mask,)))[-1]
        cls_bottleneck = self._cls_bottleneck(student[:, 0], inputs[_NUM_GLOBAL:], rows)
        logs = {} if mask is None else dict(mask_ratio=mask.float().mean())
        if self.restoration is not None:
            logs['loss_restoration'] = self._restoration_loss(student, global_views, mask, rows)

        if self.head.patch_weight == 0:
            student_cls = self.neck.logits(cls_bottleneck)
            teacher_cls = self._teacher_logits(teacher_cls)
            return dict(loss_cls=self._cls_loss(student_cls, teacher_cls, batch_size), **logs)

        # The last layer sees CLS tokens and masked patches only, in one product.
        masked = self.neck.bottleneck(self._patches_at(student, mask))  # (M, D)
        student_logits = self.neck.logits(torch.cat((cls_bottleneck, masked)))
        student_cls, student_patches = student_logits.split((len(cls_bottleneck), len(masked)))
        teacher_mean = teacher_patches.mean(dim=(0, 1)).unsqueeze(0)  # linear: exact
        teacher = torch.cat((teacher_cls, teacher_patches[mask], teacher_mean))
        sizes = (len(teacher_cls), len(masked), 1)
        teacher_cls, teacher_patches, teacher_mean = self._teacher_logits(teacher).split(sizes)
        return dict(
            loss_cls=self._cls_loss(student_cls, teacher_cls, batch_size),
            loss_patch=self.head.patch_loss(student_patches, teacher_patches, mask, teacher_mean),
            **logs,
        )

    @torch.no_grad()
    def _teach(self, views: Tensor, rows: int) -> tuple[Tensor, Tensor, Tensor | None]:
        """Return bottlenecks of CLS (T B, D) and patches (T B, L, D), and scores (T B, L)."""
        if isinstance(self.scorer, TeacherScorer):
            with self.scorer.attention(self.teacher.backbone) as record:
                tokens = self.teacher.backbone(views)[-1]
            scores = record.scores()
        else:
            tokens = self.teacher.backbone(views)[-1]
            scores = None if self.scorer is None else self.scorer(views, self.backbone)
        if self.head.patch_weight == 0:
            tokens = tokens[:, :1]
        bottleneck = _bottleneck(self.teacher.neck, tokens, rows)
        return bottleneck[:, 0], bottleneck[:, 1:], scores

    @torch.no_grad()
    def _teacher_logits(self, bottleneck: Tensor) -> Tensor:
        return self.teacher.neck.logits(bottleneck)

    def _mask(self, views: Tensor, scores: Tensor | None) -> Tensor | None:
        """Return the mask (T B, L) bool, None without a masker."""
        if self.masker is None:
            return None
        grid = self.backbone.grid(*views.shape[-2:])
        return self.masker(grid, len(views), scores, views.device)

    @staticmethod
    def _patches_at(tokens: Tensor, mask: Tensor) -> Tensor:
        """Return the patch tokens (M, C) at the masked places of (B', 1 + L, C)."""
        if mask.shape[1] != tokens.shape[1] - 1:
            raise ValueError(
                f'head.patch_weight > 0 compares tokens at masked patches, but this backbone gives '
                f'{tokens.shape[1] - 1} tokens for {mask.shape[1]} patches: set it to 0.'
            )
        return tokens[:, 1:][mask]

    def _restoration_loss(
        self, tokens: Tensor, views: Tensor, mask: Tensor | None, rows: int
    ) -> Tensor:
        size = views.shape[-2:]
        grid, mask_grid = self.backbone.token_grid(*size), self.backbone.grid(*size)
        masks = repeat(None) if mask is None else mask.split(rows)
        losses = [
            self.restoration.loss(patches, grid, images, masked, mask_grid)
            for patches, images, masked in zip(tokens[:, 1:].split(rows), views.split(rows), masks)
        ]
        return torch.stack(losses).mean()

    def _cls_bottleneck(self, global_cls: Tensor, local_views: list[Tensor], rows: int) -> Tensor:
        """Return the bottleneck (S B, D) of the global CLS tokens (T B, C) and the local views."""
        together = self.bn_statistics == 'all' or not batch_norms(self.neck)
        with running_statistics(self, update=self.bn_statistics == 'all'):
            local_cls = self._local_cls_tokens(local_views)
            if local_cls and not together:
                local_cls = [_bottleneck(self.neck, torch.cat(local_cls), rows)]
        if together:
            return self.neck.bottleneck(torch.cat((global_cls, *local_cls)))
        return torch.cat((_bottleneck(self.neck, global_cls, rows), *local_cls))

    def _local_cls_tokens(self, views: list[Tensor]) -> list[Tensor]:
        """Return the CLS tokens (n B, C) of the local views, one forward for each size."""
        sizes = dict.fromkeys(view.shape[-2:] for view in views)
        groups = [torch.cat([v for v in views if v.shape[-2:] == size]) for size in sizes]
        return [self.backbone(group)[-1][:, 0] for group in groups]

    def _cls_loss(self, student: Tensor, teacher: Tensor, batch_size: int) -> Tensor:
        student = student.unflatten(0, (-1, batch_size))  # (S, B, K)
        return self.head.cls_loss(student, teacher.unflatten(0, (-1, batch_size)))


def _bottleneck(neck: nn.Module, tokens: Tensor, rows: int) -> Tensor:
    """Return the bottleneck (n, ..., D) of tokens (n, ..., C), of so many rows in one pass."""
    return torch.cat([neck.bottleneck(part) for part in tokens.split(rows)])
