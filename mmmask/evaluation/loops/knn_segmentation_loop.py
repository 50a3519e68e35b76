"""Run k-NN segmentation with a bank of patches as a test loop."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
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

from ..features import extract_features
from ..in_context import class_shares, label_by_neighbours, pick_patches
from ..loader import build_loader, shared_classes
from ..mean_iou import at_size, class_areas, compared_size, iou_outcomes
from ..patch_grid import patch_grid
from .loop import FrozenLoop


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
        kept_gib: Patches of a data set are kept on disk if all of them, in float32, have at most so
            many GiB. Else the network sees the images of every test. At 0 none are kept or read.
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
        kept_gib: float = 8.0,
        **kwargs,
    ) -> None:
        super().__init__(runner, dataloader, evaluator, **kwargs)
        check_choice('sampling', sampling, ('rare', 'uniform'))
        self.bank_dataloader = build_loader(runner, bank_dataloader)
        self.k, self.temperature, self.sampling, self.seed = k, temperature, sampling, seed
        self.memory_size, self.size = memory_size, compared_size(size)
        self.layer, self.kept_gib = layer, kept_gib
        self.num_classes = shared_classes(self.bank_dataloader, self.dataloader)

    def values(self) -> dict:
        """Return the values of the protocol by their names."""
        names = ('k', 'temperature', 'memory_size', 'sampling', 'seed', 'layer')
        size = list(self.size) if self.size else 'original'
        return {**{name: getattr(self, name) for name in names}, 'compared_size': size}

    @torch.no_grad()
    def measure(self, model: nn.Module) -> dict[str, float]:
        """Return ``knn_segmentation/miou`` and ``knn_segmentation/pixel_accuracy`` in per cent."""
        device = next(model.backbone.parameters()).device
        read = self._reader_of(self.bank_dataloader, 'patches of training images', device)
        rows = partial(self._bank_rows, read=read)
        found, _ = extract_features(self.bank_dataloader, rows, 'patches of the bank')
        found = found.flatten(0, 1)
        found = found[found[:, -self.num_classes :].any(dim=1)].to(device)
        bank, shares = found.tensor_split([found.shape[1] - self.num_classes], dim=1)
        if self.k > len(bank):
            raise UserError(f'k = {self.k} exceeds the bank of {len(bank)} labelled patches')
        read = self._reader_of(self.dataloader, 'patches of test images', device)
        areas = partial(self._areas, read=read, bank=bank.contiguous(), shares=shares)
        found, _ = extract_features(self.dataloader, areas, 'images to segment')
        self.outcomes = {f'knn_segmentation/{name}': v for name, v in iou_outcomes(found).items()}
        return {name: float(images.mean()) for name, images in self.outcomes.items()}

    def _reader_of(
        self, loader: DataLoader, title: str, device: torch.device
    ) -> Callable[[dict], Tensor]:
        """Return a reader of the patches (B, L, C) of a loader's batches, which come in order."""
        read = dict(token='patches', layer=self.layer)
        if self.features_dir is not None and self.kept_gib > 0:
            kept = self.reader(loader, title, **read, most=self.kept_gib * 2**30)
            if kept is not None:
                rows = iter(loader.batch_sampler)
                return lambda batch: kept[0][next(rows)].to(device)
        encode = self.reader.encoder(**read)

        def compute(batch: dict) -> Tensor:
            with autocast(enabled=self.fp16):
                return encode(dict(inputs=batch['inputs'], data_samples=None))

        return compute

    def _bank_rows(self, batch: dict, read: Callable[[dict], Tensor]) -> Tensor:
        """Return features and class shares of the picked patches of each image, (B, n, C + K).

        Where an image has fewer patches, rows are zeros.
        """
        samples = batch['data_samples']
        patches, grid = self._patches(batch, read)
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

    def _areas(
        self, batch: dict, read: Callable[[dict], Tensor], bank: Tensor, shares: Tensor
    ) -> Tensor:
        """Return the areas of each class in each image, (B, 3, K)."""
        patches, grid = self._patches(batch, read)
        labels = label_by_neighbours(patches.flatten(0, 1), bank, shares, self.k, self.temperature)
        maps = labels.view(len(patches), *grid, -1).movedim(-1, 1)  # (B, K, rows, columns)
        truths = [sample.gt_sem_seg.data[0].to(maps.device) for sample in batch['data_samples']]
        pairs = (at_size(scores, truth, self.size) for scores, truth in zip(maps, truths))
        return torch.stack([class_areas(*pair, self.num_classes) for pair in pairs])

    def _patches(
        self, batch: dict, read: Callable[[dict], Tensor]
    ) -> tuple[Tensor, tuple[int, int]]:
        """Return the patch features (B, L, C) of a batch, and their grid."""
        patches = read(batch)
        return patches, patch_grid(patches.shape[1], *batch['inputs'][0].shape[1:])
