"""Compare attention with objects, as a test loop."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
from mmengine.runner import Runner
from mmengine.runner.amp import autocast
from mmpretrain.registry import LOOPS
from torch import Tensor, nn
from torch.utils.data import DataLoader

from mmmask.datasets.object_masks import ObjectMasks
from mmmask.utils.errors import UserError

from ..attention import AttentionEncoder
from ..features import extract_features
from ..metrics import (
    attended,
    attention_jaccard,
    box_found,
    coverage,
    largest_component_box,
    point_hit,
)
from .loop import FrozenLoop

MEASURES = ('jaccard', 'precision', 'recall', 'point_hit', 'corloc')
"""What is measured of every head, and of the mean over heads."""


@LOOPS.register_module()
class ObjectAttentionLoop(FrozenLoop):
    """Measure how well a frozen network's attention finds objects (DINO, Figure 4).

    The attention of each head keeps the fewest patches that hold a share of its mass. They are
    enlarged to pixels, nearest, and compared with the objects' masks. Metrics, in per cent:

    - ``objects/jaccard``: IoU with each mask, by the head that is best for it. The mean is over
      the masks of an image, then over images, as published.
    - ``objects/MEASURE_mean``, of the mean attention over heads; ``objects/MEASURE_best_head``, of
      the head that is best on these images; ``objects/MEASURE_head0``, ... MEASURE is one of:

      - ``jaccard``: IoU with each mask.
      - ``precision``, ``recall``: of attended pixels against those of all objects.
      - ``point_hit``: the pointing game.
      - ``corloc``: the largest connected attended component's box has an IoU of 0.5 with one
        object's.
    - ``objects/share``: the share of pixels that are objects', the precision of random patches.
    - ``objects/left_out``: how many images have no object; they don't count.

    Args:
        runner: The runner.
        dataloader: Loader of a `CocoObjects` or `LabelMapObjects`.
        evaluator: Must be empty.
        mass: Share of the attention that is kept.
        block: Block of a ViT, negative from the end.
        tolerance: Pixels of the pointing game's tolerance.
        **options: See `FrozenLoop`.

    Raises:
        UserError: If the data set has no masks of objects, the mass is out of range, the network
            has no attention, or no image has an object.
    """

    def __init__(
        self,
        runner: Runner,
        dataloader: DataLoader | dict,
        evaluator: Sequence,
        mass: float = 0.6,
        block: int = -1,
        tolerance: float = 15,
        **options,
    ) -> None:
        super().__init__(runner, dataloader, evaluator, **options)
        if not isinstance(self.dataloader.dataset, ObjectMasks):
            raise UserError(
                'ObjectAttentionLoop needs masks of objects: set test_dataloader.dataset.type to '
                'CocoObjects or LabelMapObjects'
            )
        if not 0 < mass <= 1:
            raise UserError(f'ObjectAttentionLoop: mass must be in (0, 1], not {mass}')
        self.mass, self.block, self.tolerance = mass, block, tolerance
        self._known: dict = {}

    def measure(self, model: nn.Module) -> dict[str, float]:
        """Return the metrics, the same on all ranks."""
        size, patch = self.dataloader.dataset.size, model.backbone.patch_embed.projection.stride[0]
        if size % patch:
            raise UserError(
                f'images of {size} pixels are no whole number of patches of {patch}: set '
                f'test_dataloader.dataset.size={max(round(size / patch), 1) * patch}'
            )
        read = AttentionEncoder(model.backbone, model.data_preprocessor, self.block)

        def encode(batch: dict) -> Tensor:
            samples = batch['data_samples']
            return torch.stack([self._of_image(*pair) for pair in zip(read(batch), samples)])

        with autocast(enabled=self.fp16):
            rows, _ = extract_features(self.dataloader, encode, 'attention against objects')
        counted = rows[:, 0] > 0
        if not counted.any():
            raise UserError(f'none of {len(rows)} images has an object')
        _, jaccard, share, *others = rows[counted].double().numpy().T  # of each image
        found = dict(jaccard=jaccard, share=share)
        for place, measure in enumerate(MEASURES):
            mean, *heads = others[place :: len(MEASURES)]  # of the mean over heads first
            found[f'{measure}_mean'] = mean
            found[f'{measure}_best_head'] = max(heads, key=np.mean)
            found |= {f'{measure}_head{n}': of_head for n, of_head in enumerate(heads)}
        self.outcomes = {f'objects/{name}': images for name, images in found.items()}
        metrics = {name: float(images.mean()) for name, images in self.outcomes.items()}
        metrics['objects/left_out'] = float(len(rows) - counted.sum())
        self._known = dict(attention=read.name, images=int(counted.sum()))
        return metrics

    def values(self) -> dict:
        """Return the mass, the block, how masks are compared, and which attention is read."""
        dataset = self.dataloader.dataset
        settings = dict(mass=self.mass, block=self.block, tolerance=self.tolerance)
        best_heads = dict(jaccard='best head of each mask', best_head='best on these images')
        return dict(**settings, size=dataset.size, by=dataset.by, **best_heads, **self._known)

    def _of_image(self, heads: Tensor, sample) -> Tensor:
        """Return whether an image counts, the published Jaccard, the objects' share, all measures.

        Args:
            heads: (H, L).
            sample: Of `ObjectMasks`.

        Returns:
            (3 + (1 + H) * 5,), those of the mean attention in front of the heads'.
        """
        maps = torch.cat((heads.mean(dim=0, keepdim=True), heads)).double()
        found = torch.zeros(3 + len(maps) * len(MEASURES))
        masks = sample.masks.numpy()
        masks = masks[masks.any(axis=(1, 2))]  # a tiny object may vanish as it is resized
        if not len(masks):
            return found
        side = math.isqrt(maps.shape[1])
        size = masks.shape[-1]
        kept = attended(maps, self.mass).unflatten(1, (side, side)).numpy()
        place = np.arange(size) * side // size  # the patch of each row, and of each column
        pixels = kept[:, place][:, :, place]
        overlaps = attention_jaccard(pixels, masks)  # (1 + H, K)
        objects = masks.any(axis=0)
        values = []
        for row, one, small, grid in zip(overlaps, pixels, kept, maps.unflatten(1, (side, side))):
            box = largest_component_box(small)
            covered = coverage(one.ravel(), objects.ravel())
            hit = point_hit(grid.numpy(), objects, self.tolerance)
            located = box_found(None if box is None else box * size / side, sample.boxes.numpy())
            values.append([row.mean(), covered['precision'], covered['recall'], hit, located])
        best = overlaps[1:].max(axis=0).mean()
        found[:] = torch.tensor([0.01, best, objects.mean(), *np.ravel(values)]) * 100
        return found
