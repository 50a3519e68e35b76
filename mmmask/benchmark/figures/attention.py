"""What is masked, and what the network attends to."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from mmpretrain.registry import MODELS
from torch import Tensor, nn

from mmmask.config.build import scope_of
from mmmask.models.attention import AttentionTap
from mmmask.visualization import enlarge, jpeg_uri, overlay_heat, overlay_mask

from .base import Context, Figure, Row, image_files, read_image
from .network import build_network, task_config

SHOWN = 240
"""Pixels of a picture's longer side, about."""


def masks(
    context: Context, *, images: str, size: int, count: int = 4, others: dict | None = None
) -> Figure:
    """The masks that training draws, beside other maskers' at the same ratio.

    Args:
        context: A protocol of self-distillation with a masker.
        images: Pattern of the images, relative to the root.
        size: Their side in pixels, a multiple of the patch size.
        count: How many are shown.
        others: Label -> config of a masker to compare with.
    """
    task = context.tasks[0]
    config = task_config(task, context.folder(task))
    model = build_network(config, context.checkpoint(task))
    with scope_of(config):
        always = {**config.model.masker, 'prob': 1.0}
        maskers = {context.protocol.title: MODELS.build(always)}
        maskers |= {k: MODELS.build({**v, 'prob': 1.0}) for k, v in (others or {}).items()}
    rows = []
    for seed, path in enumerate(image_files(context.suite.root, images, count)):
        image = square(path, size)
        scores = teacher_attention(model, image).mean(dim=1)  # (1, L)
        grid = model.backbone.grid(size, size)
        shown, pictures = _enlarged(image, grid), []
        ratios = []
        for masker in maskers.values():
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(seed)  # the ratio is drawn first: the same for all
                mask = masker(grid, 1, scores if masker.needs_scores else None)
            ratios.append(f'{float(mask.float().mean()):.0%}')
            pictures.append(jpeg_uri(overlay_mask(shown, mask.view(grid).numpy())))
        heat = jpeg_uri(overlay_heat(shown, scores.view(grid).numpy()))
        ratios = ratios[:1] if len(set(ratios)) == 1 else ratios
        rows.append(Row(f'masked: {", ".join(ratios)}', [jpeg_uri(shown), heat, *pictures]))
    return Figure(
        title='Masks',
        caption=(
            f'What the student does not see. The teacher of {task.name} (after training) scores '
            f'the {grid[0]} x {grid[1]} patches of an image of {size} pixels by the attention of '
            'its CLS token (bright: high). One ratio is drawn for each row, as in training, and '
            'every masker gets it.'
        ),
        columns=['image', "teacher's attention", *maskers],
        rows=rows,
    )


def attention(context: Context, *, images: str, size: int, count: int = 4) -> Figure:
    """Attention of CLS in the last block, before and after training; arguments as for `masks`."""
    task = context.tasks[0]
    config = task_config(task, context.folder(task))
    networks = {
        'untrained': build_network(config, None, task.seed),
        'trained': build_network(config, context.checkpoint(task)),
    }
    rows = []
    for path in image_files(context.suite.root, images, count):
        image = square(path, size)
        grid = networks['trained'].backbone.grid(size, size)
        shown = _enlarged(image, grid)
        pictures = [jpeg_uri(shown)]
        for network in networks.values():
            heads = teacher_attention(network, image)[0]  # (H, L)
            for scores in (heads.mean(dim=0), *heads):
                pictures.append(jpeg_uri(overlay_heat(shown, scores.view(grid).numpy())))
        rows.append(Row(path.stem, pictures))
    heads = ['mean', *(f'head {i + 1}' for i in range(len(heads)))]
    return Figure(
        title='Attention',
        caption=(
            'Attention of the CLS token to the patches in the last block of the teacher, mean over '
            f'heads and each head, of the untrained network and of {task.name}; images of {size} '
            "pixels. Each picture spans its own range, so that the untrained network's almost "
            'uniform attention shows as noise.'
        ),
        columns=['image', *(f'{name}: {head}' for name in networks for head in heads)],
        rows=rows,
    )


def square(path: Path, size: int) -> np.ndarray:
    """The central square of an image file at ``size`` pixels, (size, size, 3) uint8, RGB."""
    image = read_image(path)
    side = min(image.shape[:2])
    top, left = (image.shape[0] - side) // 2, (image.shape[1] - side) // 2
    return enlarge(image[top : top + side, left : left + side], size)


@torch.no_grad()
def teacher_attention(model: nn.Module, image: np.ndarray) -> Tensor:
    """(1, H, L) float32, attention of CLS in the last block of a model's teacher.

    Args:
        model: A model with a ``teacher.backbone`` and a self-supervised data preprocessor.
        image: (S, S, 3) uint8, RGB.
    """
    bgr = torch.from_numpy(image[..., ::-1].copy()).permute(2, 0, 1)[None]  # as mm loads images
    (view,) = model.data_preprocessor(dict(inputs=[bgr], data_samples=None))['inputs']
    with AttentionTap(blocks=(-1,), per_head=True)(model.teacher.backbone) as record:
        model.teacher.backbone(view)
    return record.scores()


def _enlarged(image: np.ndarray, grid: tuple[int, int]) -> np.ndarray:
    """The image at a size at which every patch has the same whole number of pixels."""
    return enlarge(image, max(1, round(SHOWN / grid[0])) * grid[0])
