"""Propagate labels through a video by the similarity of patches, and measure them as DAVIS 2017.

Shapes: T frames of context, L patches in a grid of (rows, columns), width C, K labels, of which
the first is the background.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from .metrics import boundary_f, region_jaccard

CHUNK = 1024
"""Patches of a frame that are labelled at a time; changes memory, not results."""


def frame_size(height: int, width: int, size: int, multiple: int) -> tuple[int, int]:
    """Return the height and width to which DINO's evaluation resizes a frame.

    The shorter side becomes ``size``. The longer side keeps the ratio, but for what exceeds a
    multiple of ``multiple``: 480 x 854 pixels become 480 x 832.
    """
    short, long = sorted((height, width))
    longer = max(size * long // short // multiple * multiple, size)
    return (size, longer) if height <= width else (longer, size)


@dataclass(frozen=True)
class LabelPropagation:
    """Label each frame by its patches' neighbours in earlier frames (DINO, Section 4.2.2).

    Args:
        context: The last so many frames give labels, beside the first one.
        topk: Neighbours of a patch, over all frames of the context; equal ones all count.
        radius: A neighbour lies at most so many patches away in rows and in columns; 0: anywhere.
        temperature: A neighbour's weight is exp(cosine / temperature).
    """

    context: int = 7
    topk: int = 5
    radius: int = 12
    temperature: float = 0.1

    def track(
        self, frames: Iterable[Tensor], first: Tensor, grid: tuple[int, int]
    ) -> Iterator[Tensor]:
        """Yield the soft labels (L, K) of each frame but the first.

        Args:
            frames: Patch features (L, C) of each frame, in the order of time.
            first: Labels of the first frame, (L, K), one-hot.
            grid: Rows and columns.
        """
        frames = iter(frames)
        begin = (F.normalize(next(frames), dim=-1), first)
        queue: deque[tuple[Tensor, Tensor]] = deque(maxlen=self.context)
        for frame in frames:
            target = F.normalize(frame, dim=-1)
            sources, labels = zip(begin, *queue)
            found = self.propagate(target, torch.stack(sources), torch.stack(labels), grid)
            queue.append((target, found))
            yield found

    def propagate(
        self, target: Tensor, sources: Tensor, labels: Tensor, grid: tuple[int, int]
    ) -> Tensor:
        """Return the soft labels (L, K) of a frame.

        Args:
            target: Its patch features, L2-normalised, (L, C).
            sources: Those of the context, (T, L, C).
            labels: Labels of the context, (T, L, K).
            grid: Rows and columns.
        """
        numbers = torch.arange(len(target), device=target.device)
        rows, columns = numbers // grid[1], numbers % grid[1]
        keys, values = sources.flatten(0, 1), labels.flatten(0, 1)
        found = []
        for query, row, column in zip(
            target.split(CHUNK), rows.split(CHUNK), columns.split(CHUNK), strict=True
        ):
            affinity = (query @ keys.T / self.temperature).exp()  # (n, T L)
            if self.radius > 0:
                near = (row[:, None] - rows).abs() <= self.radius
                near &= (column[:, None] - columns).abs() <= self.radius
                affinity *= near.repeat(1, len(sources))
            least = affinity.topk(min(self.topk, len(keys)), dim=1).values[:, -1:]
            affinity[affinity < least] = 0
            found.append(affinity / affinity.sum(dim=1, keepdim=True) @ values)
        return torch.cat(found)


def harden(labels: Tensor, grid: tuple[int, int], size: tuple[int, int]) -> Tensor:
    """Return the label of each pixel, (H, W) uint8, as DINO's code finds it.

    Soft labels are upsampled bilinearly. Each label's map is then stretched to [0, 1], unless it is
    0 everywhere. The largest wins. A map that is constant otherwise is 0 / 0 and wins everywhere:
    that is the background's when no object is left.

    Args:
        labels: Soft labels, (L, K).
        grid: Rows and columns.
        size: Pixels (H, W).
    """
    maps = labels.T.unflatten(1, grid)[None]
    maps = F.interpolate(maps, size, mode='bilinear', align_corners=False)[0]
    used = maps.amax(dim=(1, 2), keepdim=True) > 0
    stretched = maps - maps.amin(dim=(1, 2), keepdim=True)
    stretched = stretched / stretched.amax(dim=(1, 2), keepdim=True)
    return torch.where(used, stretched, maps).argmax(dim=0).to(torch.uint8)


def score_objects(
    found: np.ndarray, truth: np.ndarray, count: int, tolerance: float
) -> tuple[np.ndarray, np.ndarray]:
    """Return J and F, both (count, T), of each object in each of T frames.

    Args:
        found: Predicted numbers of objects, (T, H, W).
        truth: True ones.
        count: Objects 1 to ``count`` are measured.
        tolerance: See :func:`~mmmask.evaluation.metrics.boundary_f`.
    """
    objects = range(1, count + 1)
    pairs = [[(f == n, t == n) for f, t in zip(found, truth, strict=True)] for n in objects]
    jaccard = np.array([[region_jaccard(*pair) for pair in frames] for frames in pairs])
    boundary = np.array([[boundary_f(*pair, tolerance) for pair in frames] for frames in pairs])
    return jaccard, boundary


def summarise(values: np.ndarray) -> tuple[float, float, float]:
    """Return mean, recall and decay of one object's values (T,), as the official evaluation.

    The recall is the share of frames above 0.5. The decay is the mean of the first of four parts of
    the sequence minus that of the last. Two parts share the frame between them.
    """
    ends = (np.round(np.linspace(1, len(values), 5) + 1e-10) - 1).astype(int)
    parts = [values[start : end + 1].mean() for start, end in zip(ends, ends[1:])]
    return float(values.mean()), float((values > 0.5).mean()), float(parts[0] - parts[-1])
