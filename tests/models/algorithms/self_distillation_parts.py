"""A tiny model in float64, its views, and its loss as the equations have it."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from mmmask.models.algorithms import SelfDistillation

GRID, TOKENS, PROTOTYPES = (4, 4), 16, 6
STUDENT_TEMP, CLS_TEMP, PATCH_TEMP = 0.1, 0.04, 0.06


class FixedMasker:
    """Gives the masks that it was made with."""

    needs_scores = False

    def __init__(self, mask: Tensor) -> None:
        self.mask = mask

    def __call__(self, grid, batch_size, scores=None, device=None) -> Tensor:
        assert tuple(grid) == GRID and self.mask.shape == (batch_size, TOKENS) and scores is None
        return self.mask.to(device)


def build(
    masker=None, scorer=None, patch_weight=1.0, drop_path_rate=0.0, norm_cfg=None, **parts
) -> SelfDistillation:
    """Teacher and student differ, the centres aren't 0, and attention isn't uniform."""
    arch = dict(embed_dims=8, num_layers=2, num_heads=2, feedforward_channels=16)
    model = SelfDistillation(
        backbone=dict(
            type='MaskedVisionTransformer',
            arch=arch,
            img_size=16,
            patch_size=4,
            with_mask_token=masker is not None,
            drop_path_rate=drop_path_rate,
        ),
        neck=dict(
            type='DINOProjection',
            in_channels=8,
            out_channels=PROTOTYPES,
            hidden_channels=12,
            bottleneck_channels=5,
            norm_last_layer=False,
            norm_cfg=norm_cfg,
        ),
        head=dict(
            type='SelfDistillationHead',
            out_channels=PROTOTYPES,
            student_temp=STUDENT_TEMP,
            teacher_temp=CLS_TEMP,
            teacher_patch_temp=PATCH_TEMP,
            cls_weight=0.5,
            patch_weight=patch_weight,
        ),
        masker=masker,
        scorer=scorer,
        **parts,
    ).double()
    generator = torch.Generator().manual_seed(0)
    for value in (*model.parameters(), *model.head.buffers()):
        value.data.normal_(0, 0.3, generator=generator)
    return model


def views(batch_size: int = 3) -> list[Tensor]:
    """Two global views, and local ones of two sizes, not in the order of their sizes."""
    generator = torch.Generator().manual_seed(1)
    sizes = (16, 16, 8, 12, 8)
    return [
        torch.randn(batch_size, 3, s, s, generator=generator, dtype=torch.float64) for s in sizes
    ]


def fixed_mask(counts: list[int]) -> Tensor:
    """(len(counts), L): so many random tokens of each view of each image."""
    generator = torch.Generator().manual_seed(2)
    order = torch.stack([torch.randperm(TOKENS, generator=generator) for _ in counts])
    return order < torch.tensor(counts).unsqueeze(1)


def cross_entropy(student: Tensor, target: Tensor) -> Tensor:
    """Of one token: logits (K,), probabilities (K,)."""
    scaled = student / STUDENT_TEMP
    return -sum(target * (scaled - scaled.exp().sum().log()))


def softmax(values: Tensor) -> Tensor:
    exps = (values - values.max()).exp()
    return exps / exps.sum()


def naive(model: SelfDistillation, inputs: list[Tensor], mask: Tensor | None) -> dict[str, Tensor]:
    """Logits of every token, every pair of views, image by image; and the centres afterwards.

    Args:
        mask: (2 B, L), the first global view's images first.
    """
    head, batch_size = model.head, len(inputs[0])
    seen = slice(1 if head.patch_weight == 0 else None)  # by the head, and by its statistics
    with torch.no_grad():  # (view, B, 1 + L, K)
        teacher = [
            model.teacher.neck(model.teacher.backbone(view)[0][:, seen]) for view in inputs[:2]
        ]
    masks = [None, None] if mask is None else mask.split(batch_size)
    student = [
        model.neck(model.backbone(view, masks[v] if v < 2 else None)[0][:, seen])
        for v, view in enumerate(inputs)
    ]

    pairs = [(t, s) for t in range(2) for s in range(len(inputs)) if s != t]
    assert len(pairs) == 8
    center, total = head.center.value[0], 0.0
    for t, s in pairs:
        for image in range(batch_size):
            target = softmax((teacher[t][image, 0] - center) / CLS_TEMP)
            total = total + cross_entropy(student[s][image, 0], target) / batch_size
    result = dict(loss_cls=head.cls_weight * total / len(pairs))
    mean = sum(logits[image, 0] for logits in teacher for image in range(batch_size))
    result['center'] = 0.9 * center + 0.1 * mean / (2 * batch_size)
    if head.patch_weight == 0:
        return result

    center, total = head.patch_center.value[0], student[0].sum() * 0
    for v in range(2):
        for image in range(batch_size):
            count = max(int(masks[v][image].sum()), 1)
            for token in masks[v][image].nonzero()[:, 0].tolist():
                target = softmax((teacher[v][image, 1 + token] - center) / PATCH_TEMP)
                total = total + cross_entropy(student[v][image, 1 + token], target) / count
    result['loss_patch'] = head.patch_weight * total / (2 * batch_size)
    mean = torch.cat([logits[:, 1:].reshape(-1, PROTOTYPES) for logits in teacher]).mean(dim=0)
    result['patch_center'] = 0.9 * center + 0.1 * mean
    return result


def naive_attention(vit, images: Tensor) -> Tensor:
    """Mean over heads of the last block's softmax(Q K^T / sqrt(d)), CLS row over patches."""
    kept = {}
    block = vit.layers[-1]
    handle = block.ln1.register_forward_hook(lambda *args: kept.update(normed=args[-1]))
    with torch.no_grad():
        vit(images)
        handle.remove()
        qkv = kept['normed'] @ block.attn.qkv.weight.T + block.attn.qkv.bias
        width, heads = vit.embed_dims, block.attn.num_heads
        rows = []
        for head in range(heads):
            dims = slice(head * width // heads, (head + 1) * width // heads)
            query, key = qkv[..., :width][..., dims], qkv[..., width : 2 * width][..., dims]
            logits = query @ key.transpose(1, 2) / math.sqrt(width // heads)
            rows.append(logits.softmax(dim=-1)[:, 0, 1:])
        return sum(rows) / heads
