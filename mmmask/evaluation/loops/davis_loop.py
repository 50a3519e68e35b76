"""Run DAVIS 2017 by label propagation as a test loop."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from functools import partial
from itertools import chain
from pathlib import Path

import cv2
import numpy as np
import torch
from mmengine.dist import all_gather_object, get_rank, get_world_size
from mmengine.runner import Runner
from mmpretrain.registry import LOOPS
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader

from mmmask.datasets.davis import read_objects, write_palette_png
from mmmask.datasets.load_image import LoadImageStrict
from mmmask.utils.errors import UserError
from mmmask.utils.files import write_atomically
from mmmask.utils.progress import Progress

from ..davis import LabelPropagation, frame_size, harden, score_objects, summarise
from ..metrics import ratio_outcomes
from ..patch_grid import patch_grid
from .loop import FrozenLoop


@LOOPS.register_module()
class DavisLoop(FrozenLoop):
    """Segment the videos of DAVIS 2017 by frozen features, from the masks of their first frames.

    This is DINO's evaluation, with the official evaluation's numbers. Ranks share the sequences.
    Predicted masks are palette images in the work dir, ``davis/<sequence>/00000.png``.

    Args:
        runner: The runner.
        dataloader: Its data set is a ``DAVIS2017``.
        evaluator: Must be empty.
        context: See `LabelPropagation`.
        topk: See `LabelPropagation`.
        radius: See `LabelPropagation`.
        temperature: See `LabelPropagation`.
        size: Pixels of a frame's shorter side, see `frame_size`.
        multiple: The longer side is a multiple of it, 64 in DINO's code.
        tolerance: Of the boundary, see `boundary_f`.
        layer: The block whose patches are compared, negative from the end.
        kept_gib: Patches are kept on disk if those of all frames, in float32, have at most about so
            many GiB. Else the network sees the frames of every test. At 0 none are kept or read.
        **kwargs: See `FrozenLoop`.

    Raises:
        UserError: If a frame or mask can't be read, or patches don't fill a frame.
    """

    outcome_unit = 'sequence'

    def __init__(
        self,
        runner: Runner,
        dataloader: DataLoader | dict,
        evaluator: Sequence,
        context: int = 7,
        topk: int = 5,
        radius: int = 12,
        temperature: float = 0.1,
        size: int = 480,
        multiple: int = 64,
        tolerance: float = 0.008,
        layer: int = -1,
        kept_gib: float = 8.0,
        **kwargs,
    ) -> None:
        super().__init__(runner, dataloader, evaluator, **kwargs)
        self.propagation = LabelPropagation(context, topk, radius, temperature)
        self.size, self.multiple, self.tolerance, self.layer = size, multiple, tolerance, layer
        self.kept_gib = kept_gib
        self.folder = Path(runner.work_dir, 'davis')

    def values(self) -> dict:
        """Return the values of the protocol by their names."""
        own = dict(size=self.size, multiple=self.multiple, boundary_tolerance=self.tolerance)
        return {**asdict(self.propagation), **own, 'layer': self.layer}

    @torch.no_grad()
    def measure(self, model: nn.Module) -> dict[str, float]:
        """Return the metrics in per cent, ``davis/j_and_f_mean`` and so on.

        Each is the mean over the objects of all sequences. ``outcomes`` has what each sequence
        contributes: objects of one video aren't independent.
        """
        sequences = self.dataloader.dataset
        frames = sum(len(sequence['frames']) for sequence in sequences)
        most_of_a_frame = self.kept_gib * 2**30 / frames
        progress = Progress('DAVIS sequences', len(sequences))
        scores: dict[int, list] = {}
        for index in range(get_rank(), len(sequences), get_world_size()):
            scores[index] = self._measure_sequence(sequences[index], most_of_a_frame)
            progress.advance(get_world_size())
        every = {index: rows for part in all_gather_object(scores) for index, rows in part.items()}
        names = [f'{kind}_{what}' for kind in 'jf' for what in ('mean', 'recall', 'decay')]
        sums = np.array([np.sum(every[index], axis=0) for index in sorted(every)])
        counts = np.array([[len(every[index])] for index in sorted(every)])  # of objects
        of_sequences = [100 * ratio_outcomes(values[:, None], counts) for values in sums.T]
        found = dict(zip(names, of_sequences))
        found = {'j_and_f_mean': (found['j_mean'] + found['f_mean']) / 2, **found}
        self.outcomes = {f'davis/{name}': values for name, values in found.items()}
        return {name: float(values.mean()) for name, values in self.outcomes.items()}

    def _measure_sequence(self, sequence: dict, most_of_a_frame: float) -> list[tuple]:
        """Return mean, recall and decay of J, then of F, of each object; write the masks."""
        name, paths = sequence['name'], sequence['frames']
        first, *truth = map(read_objects, sequence['masks'])
        count = int(first.max())
        if count == 0 or any(objects.shape != first.shape for objects in truth):
            fault = 'have different sizes' if count else 'show no object in the first frame'
            raise UserError(f'DAVIS 2017: the masks of the sequence {name} {fault}')
        size = frame_size(*first.shape, self.size, self.multiple)
        frames = self.reader.stream(
            paths,
            partial(_load, size=size),
            f'DAVIS, {name}',
            most_of_a_frame * len(paths),
            layer=self.layer,
            size=size,
        )
        found = [first, *self._segment(frames, first, size)]
        (self.folder / name).mkdir(parents=True, exist_ok=True)
        for path, objects in zip(paths, found, strict=True):
            file = self.folder / name / f'{Path(path).stem}.png'
            write_atomically(file, partial(write_palette_png, objects), to_disk=False)
        # The official evaluation leaves the first and the last frame out.
        kinds = score_objects(np.stack(found[1:-1]), np.stack(truth[:-1]), count, self.tolerance)
        return [summarise(j) + summarise(f) for j, f in zip(*kinds)]

    def _segment(
        self, frames: Iterator[Tensor], first: np.ndarray, size: tuple[int, int]
    ) -> Iterator[np.ndarray]:
        """Yield the predicted objects (H, W) uint8 of each frame but the first."""
        begin = next(frames)
        grid = patch_grid(len(begin), *size)
        small = np.array(Image.fromarray(first).resize(grid[::-1], Image.Resampling.NEAREST))
        labels = F.one_hot(torch.from_numpy(small).long().flatten(), int(first.max()) + 1)
        labels = labels.to(begin)
        for soft in self.propagation.track(chain([begin], frames), labels, grid):
            objects = Image.fromarray(harden(soft, grid, size).cpu().numpy())
            yield np.array(objects.resize(first.shape[::-1], Image.Resampling.NEAREST))


def _load(path: str, size: tuple[int, int]) -> Tensor:
    """Return a frame (3, H, W) uint8 of a height and width; BGR, as the preprocessor wants it."""
    image = cv2.resize(LoadImageStrict().decode(path), size[::-1])
    return torch.from_numpy(image).permute(2, 0, 1)
