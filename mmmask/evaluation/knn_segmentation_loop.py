"""Run k-NN segmentation with a bank of patches as a test loop."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np
import torch
from mmengine.runner import Runner
from mmengine.runner.amp import autocast
from mmpretrain.registry import LOOPS
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader

from mmmask.utils.errors import UserError, check_choice

from .features import FeatureEncoder, extract_features
from .in_context import class_shares, label_by_neighbours, pick_patches
from .loader import build_loader, shared_classes
from .loop import FrozenLoop
from .mean_iou import at_size, class_areas, compared_size, iou_outcomes
from .patch_grid import patch_grid


@LOOPS.register_module()
class KNNSegmentationLoop(FrozenLoop):
    """Segment images by a bank of training patches (Hummingbird's in-context segmentation).

    Data sets are mmseg's. All images are resized to one size; label maps of the bank are resized
    with them.

    Args:
        runner: The runner.
        dataloader: Images to segment.
        evaluator: Must be empty.
        bank_dataloader: Labelled images, neither augmented nor shuffled.
        k: Neighbours of a patch.
        temperature: See `label_by_neighbours`.
        memory_size: Patches of the bank, shared evenly by its images; None: all.
        sampling: ``'rare'`` or ``'uniform'``, see `pick_patches`.
        seed: Of the draw of patches. An image's draw depends on its file name, too.
        size: The size at which masks are compared: pixels of a square, or (height, width). None:
            each image's own, as mmseg does.
        layer: The block whose patches are compared, negative from the end.
        **kwargs: See `FrozenLoop`.

    Raises:
        UserError: If classes of bank and images differ, sizes don't fit, or k exceeds the bank.
    """

    def __init__(
        self,
        runner: Runner,
        dataloader: DataLoader | dict,
        evaluator: Sequence,
        bank_dataloader: dict,
        k: int = 30,
        temperature: float = 0.02,
        memory_size: int | None = 10_240_000,
        sampling: str = 'rare',
        seed: int = 0,
        size: int | tuple[int, int] | None = None,
        layer: int = -1,
        **kwargs,
    ) -> None:
        super().__init__(runner, dataloader, evaluator, **kwargs)
        check_choice('sampling', sampling, ('rare', 'uniform'))
        self.bank_dataloader = build_loader(runner, bank_dataloader)
        self.k, self.temperature, self.sampling, self.seed = k, temperature, sampling, seed
        self.memory_size, self.size, self.layer = memory_size, compared_size(size), layer
        self.num_classes = shared_classes(self.bank_dataloader, self.dataloader)

    def values(self) -> dict:
        """Return the values of the protocol by their names."""
        names = ('k', 'temperature', 'memory_size', 'sampling', 'seed', 'layer')
        size = list(self.size) if self.size else 'original'
        return {**{name: getattr(self, name) for name in names}, 'compared_size': size}

    @torch.no_grad()
    def measure(self, model: nn.Module) -> dict[str, float]:
        """Return ``knn_segmentation/miou`` and ``knn_segmentation/pixel_accuracy`` in per cent."""
        encode = FeatureEncoder(model.backbone, model.data_preprocessor, 'patches', self.layer)
        rows = partial(self._bank_rows, encode=encode)
        found, _ = extract_features(self.bank_dataloader, rows, 'patches of the bank')
        found = found.flatten(0, 1)
        found = found[found[:, -self.num_classes :].any(dim=1)].to(encode.device)
        bank, shares = found.tensor_split([found.shape[1] - self.num_classes], dim=1)
        if self.k > len(bank):
            raise UserError(f'k = {self.k} exceeds the bank of {len(bank)} labelled patches')
        areas = partial(self._areas, encode=encode, bank=bank.contiguous(), shares=shares)
        found, _ = extract_features(self.dataloader, areas, 'images to segment')
        self.outcomes = {f'knn_segmentation/{name}': v for name, v in iou_outcomes(found).items()}
        return {name: float(images.mean()) for name, images in self.outcomes.items()}

    def _bank_rows(self, batch: dict, encode: FeatureEncoder) -> Tensor:
        """Return features and class shares of the picked patches of each image, (B, n, C + K).

        Where an image has fewer patches, rows are zeros.
        """
        samples = batch['data_samples']
        patches, grid = self._patches(batch, encode)
        maps = torch.cat([sample.gt_sem_seg.data for sample in samples]).to(patches.device)
        if maps.shape[1:] != batch['inputs'][0].shape[1:]:
            raise UserError(
                "the bank's label maps have another size than its images: put LoadAnnotations in "
                'front of Resize in the pipeline of bank_dataloader'
            )
        shares = class_shares(maps, grid, self.num_classes)
        count = patches.shape[1]
        if self.memory_size is not None:
            count = min(count, max(self.memory_size // len(self.bank_dataloader.dataset), 1))
        rows = torch.cat((F.normalize(patches, dim=-1), shares), dim=-1).cpu()
        result = rows.new_zeros(len(rows), count, rows.shape[2])
        for image, sample in enumerate(samples):
            name = zlib.crc32(Path(sample.img_path).name.encode())
            generator = np.random.default_rng((self.seed, name))
            picked = pick_patches(shares[image].cpu(), count, generator, self.sampling)
            result[image, : len(picked)] = rows[image, picked]
        return result

    def _areas(self, batch: dict, encode: FeatureEncoder, bank: Tensor, shares: Tensor) -> Tensor:
        """Return the areas of each class in each image, (B, 3, K)."""
        patches, grid = self._patches(batch, encode)
        labels = label_by_neighbours(patches.flatten(0, 1), bank, shares, self.k, self.temperature)
        maps = labels.view(len(patches), *grid, -1).movedim(-1, 1)  # (B, K, rows, columns)
        truths = [sample.gt_sem_seg.data[0].to(maps.device) for sample in batch['data_samples']]
        pairs = (at_size(scores, truth, self.size) for scores, truth in zip(maps, truths))
        return torch.stack([class_areas(*pair, self.num_classes) for pair in pairs])

    def _patches(self, batch: dict, encode: FeatureEncoder) -> tuple[Tensor, tuple[int, int]]:
        """Return the patch features (B, L, C) of a batch, and their grid."""
        images = batch['inputs']
        if len({image.shape for image in images}) > 1:
            raise UserError(
                'images of one batch have different sizes: resize them to one '
                "(dict(type='Resize', scale=(512, 512), keep_ratio=False))"
            )
        with autocast(enabled=self.fp16):
            patches = encode(dict(inputs=images, data_samples=None))
        return patches, patch_grid(patches.shape[1], *images[0].shape[1:])
