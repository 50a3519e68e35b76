"""Choose a block and a head by a few annotated images (GPA, Section 3.4, Fig. 4, Table 5)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from mmmask.models.attention import ReceivedAttentionTap
from mmmask.models.maskers.base import top_ranked
from mmmask.probe import Probe
from mmmask.utils.errors import UserError
from mmmask.utils.progress import Progress

from .coverage import mean_and_error


@dataclass(frozen=True)
class HeadRecalls:
    """Recalls of the objects' patches by every head of every block.

    Attributes:
        mean: (blocks, heads + 1), means over images; the last column is the sum over heads.
        error: Their standard errors.
        expected: The recall of as many random patches.
        num_images: Images that have a patch to find.
        num_skipped: Those that have none.
    """

    mean: np.ndarray
    error: np.ndarray
    expected: float
    num_images: int
    num_skipped: int

    @property
    def winner(self) -> tuple[int, int]:
        """Block and head of the highest recall, counted from 0; the sum isn't a head."""
        heads = self.mean[:, :-1]
        return tuple(int(i) for i in np.unravel_index(heads.argmax(), heads.shape))


def recalls(scores: Tensor, truth: Tensor, count: int) -> np.ndarray:
    """Return the share of an image's ground truth that is among its highest scores.

    Args:
        scores: (..., L).
        truth: (L,) bool, True at least once.
        count: How many of the highest scores are taken; ties go to the earlier patch, as in masks.

    Returns:
        (...) float64.
    """
    flat = scores.reshape(-1, scores.shape[-1])
    found = top_ranked(flat, torch.full((len(flat),), count)) & truth
    return (found.sum(dim=1).double() / truth.sum()).reshape(scores.shape[:-1]).numpy()


def select_head(
    probe: Probe,
    images: Iterable[tuple[np.ndarray, np.ndarray]],
    ratio: float | None = 0.75,
    covered: float = 0.5,
    progress: Progress | None = None,
) -> HeadRecalls:
    """Measure every head of every block.

    The ground truth of an image are the patches of which objects cover more than ``covered``;
    images without any tell nothing and are skipped.

    Args:
        probe: The network whose received attention is the score.
        images: (size, size, 3) uint8 and coverage (h, w) of each.
        ratio: Share of patches that is taken, int(ratio L) as in masks; None: as many as are the
            image's ground truth.
        covered: In [0, 1).
        progress: Counts images.

    Raises:
        UserError: If no image has a patch that is covered.
    """
    tap = ReceivedAttentionTap(block='all')
    found, expected, skipped = [], [], 0
    for image, coverage in images:
        truth = torch.from_numpy(coverage.reshape(-1) > covered)
        if truth.any():
            record = probe.read([image], dict(received=tap))['received']
            scores = record.scores_by_block()[:, 0].cpu()  # (blocks, H, L)
            scores = torch.cat((scores, scores.sum(dim=1, keepdim=True)), dim=1)
            count = int(truth.sum()) if ratio is None else int(ratio * truth.numel())
            found.append(recalls(scores, truth, count))
            expected.append(count / truth.numel())
        else:
            skipped += 1
        if progress is not None:
            progress.advance(1)
    if not found:
        raise UserError(
            f'No patch of any image is covered by more than {covered}: lower --covered or raise '
            '--size.'
        )
    mean, error = mean_and_error(np.stack(found))
    return HeadRecalls(mean, error, float(np.mean(expected)), len(found), skipped)
