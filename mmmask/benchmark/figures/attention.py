"""Draw what is masked, and what the network attends to."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from mmpretrain.registry import MODELS

from mmmask.config.build import scope_of
from mmmask.pictures import (
    enlarge,
    jpeg_uri,
    overlay_heat,
    overlay_mask,
    pick_images,
    read_square,
)
from mmmask.probe import Probe

from .base import Context, Figure, Row

SHOWN = 240
"""Pixels of a picture's longer side, about."""


def masks(
    context: Context, *, images: str, size: int, count: int = 4, others: dict | None = None
) -> Figure:
    """Draw the masks of training, beside other maskers' at the same ratio.

    Args:
        context: A protocol of self-distillation with a masker.
        images: Pattern of the images, relative to the root.
        size: Their side in pixels, a multiple of the patch size.
        count: Number of images.
        others: Label -> config of a masker to compare with.
    """
    task = context.tasks[0]
    config = context.config(task)
    probe = Probe(context.checkpoint(task), config, size=size)
    with scope_of(config):
        always = {**config.model.masker, 'prob': 1.0}
        maskers = {context.protocol.title: MODELS.build(always)}
        maskers |= {k: MODELS.build({**v, 'prob': 1.0}) for k, v in (others or {}).items()}
    rows = []
    for seed, path in enumerate(pick_images(context.suite.root, images, count)):
        image = read_square(path, size)
        scores = probe.attention(image).mean(axis=0)  # (h, w)
        shown, pictures = _enlarged(image, probe.grid), []
        ratios = []
        for masker in maskers.values():
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(seed)  # the ratio is drawn first: the same for all
                mask = probe.mask(masker, scores)
            ratios.append(f'{float(mask.mean()):.0%}')
            pictures.append(jpeg_uri(overlay_mask(shown, mask)))
        heat = jpeg_uri(overlay_heat(shown, scores))
        ratios = ratios[:1] if len(set(ratios)) == 1 else ratios
        rows.append(Row(f'masked: {", ".join(ratios)}', [jpeg_uri(shown), heat, *pictures]))
    return Figure(
        title='Masks',
        caption=(
            f'What the student does not see. The teacher of {task.name} (after training) scores '
            f'the {probe.grid[0]} x {probe.grid[1]} patches of an image of {size} pixels by the '
            'attention of its CLS token (bright: high). One ratio is drawn for each row, as in '
            'training, and every masker gets it.'
        ),
        columns=['image', "teacher's attention", *maskers],
        rows=rows,
    )


def attention(context: Context, *, images: str, size: int, count: int = 4) -> Figure:
    """Draw CLS attention in the last block before and after training; arguments as of `masks`."""
    task = context.tasks[0]
    config = context.config(task)
    probes = {
        'untrained': Probe('none', config, size=size, seed=task.seed),
        'trained': Probe(context.checkpoint(task), config, size=size),
    }
    rows = []
    for path in pick_images(context.suite.root, images, count):
        image = read_square(path, size)
        shown = _enlarged(image, probes['trained'].grid)
        pictures = [jpeg_uri(shown)]
        for probe in probes.values():
            heads = probe.attention(image)  # (H, h, w)
            pictures += [jpeg_uri(overlay_heat(shown, m)) for m in (heads.mean(axis=0), *heads)]
        rows.append(Row(Path(path).stem, pictures))
    heads = ['mean', *(f'head {i + 1}' for i in range(len(heads)))]
    return Figure(
        title='Attention',
        caption=(
            'Attention of the CLS token to the patches in the last block of the teacher, mean over '
            f'heads and each head, of the untrained network and of {task.name}; images of {size} '
            "pixels. Each picture spans its own range, so that the untrained network's almost "
            'uniform attention shows as noise.'
        ),
        columns=['image', *(f'{name}: {head}' for name in probes for head in heads)],
        rows=rows,
    )


def _enlarged(image: np.ndarray, grid: tuple[int, int]) -> np.ndarray:
    """Enlarge an image so that every patch has the same whole number of pixels."""
    return enlarge(image, max(1, round(SHOWN / grid[0])) * grid[0])
