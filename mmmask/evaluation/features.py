"""Compute the features of a data set, in its order, on one or several ranks."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import torch
from mmengine.dataset import BaseDataset, DefaultSampler
from mmengine.dist import all_reduce, get_rank, get_world_size
from mmpretrain.models import SelfSupDataPreprocessor, TwoNormDataPreprocessor
from torch import Tensor, nn
from torch.utils.data import DataLoader, SequentialSampler

from mmmask.models.tokens import TokenReader, last_blocks
from mmmask.utils.errors import UserError
from mmmask.utils.progress import Progress

from .store import row_blocks, zeros


class FeatureEncoder:
    """Encode a batch of a data loader without gradients.

    Args:
        backbone: A network that :class:`~mmmask.models.tokens.TokenReader` reads.
        preprocess: The model's data preprocessor. Of the two pictures that BEiT's and CAE's
            normalise, the first is taken.
        token: ``'cls'``, ``'gap'``, ``'gap_normed'`` or ``'patches'``, see ``TokenReader``.
        layer: The block, negative from the end.
        n_blocks: Blocks, of which ``layer`` is the last; their features are concatenated.

    Raises:
        UserError: If the backbone doesn't give the token, or has not as many blocks. Later, if
            images of a batch differ in size.
    """

    def __init__(
        self,
        backbone: nn.Module,
        preprocess: Callable[[dict], dict],
        token: str = 'cls',
        layer: int = -1,
        n_blocks: int = 1,
    ) -> None:
        if isinstance(preprocess, TwoNormDataPreprocessor):
            preprocess = partial(SelfSupDataPreprocessor.forward, preprocess)
        self.preprocess = preprocess
        self.read = TokenReader(backbone, last_blocks(token, layer, n_blocks))
        self.device: torch.device = next(backbone.parameters()).device

    @torch.no_grad()
    def __call__(self, batch: dict) -> Tensor:
        """Return the features (B, C), or (B, L, C) of L patches, float32, of a collated batch."""
        images = batch['inputs']
        if len({image.shape for image in images}) > 1:
            raise UserError(
                'images of one batch have different sizes: resize them to one '
                "(dict(type='Resize', scale=(512, 512), keep_ratio=False))"
            )
        images = images if isinstance(images, Tensor) else torch.stack(images)
        data = self.preprocess(dict(inputs=images, data_samples=batch['data_samples']))
        return torch.cat(self.read(data['inputs']), dim=-1)


def extract_features(
    loader: DataLoader,
    encode: Callable[[dict], Tensor],
    title: str = 'features',
    folder: str | Path | None = None,
) -> tuple[Tensor, Tensor | None]:
    """Return features and labels of every image of a data set, in its order, the same on all ranks.

    The sampler's order doesn't matter. Of the images that it repeats to give all ranks equally
    many, the lowest rank's features are taken.

    Args:
        loader: Gives batches with ``data_samples``, as the mm packages' data sets do. A sample's
            ``gt_label`` is its label.
        encode: Makes the features of a batch, (B, ...).
        title: Names the data in the log.
        folder: Where features are that are more than memory should hold, see
            :func:`~mmmask.evaluation.store.zeros`.

    Returns:
        Features (N, ...) float32 and labels (N,) int64, on the CPU. No labels (None) if the data
        set has none.

    Raises:
        UserError: If the order isn't known, the loader leaves out images, features differ in
            shape or are not finite, which a diverged network gives.
    """
    if not isinstance(loader.sampler, (DefaultSampler, SequentialSampler)):
        raise UserError(
            f'{title}: use a DefaultSampler, a {type(loader.sampler).__name__} has no order that '
            'every image is found in'
        )
    size, rank = len(loader.dataset), get_rank()
    order = torch.tensor([row for rows in loader.batch_sampler for row in rows], dtype=torch.long)
    owner = torch.full((size,), get_world_size())
    owner[order] = rank
    all_reduce(owner, 'min')
    features = None  # as wide as the first batch is
    labels: Tensor | None = torch.zeros(size, dtype=torch.long)
    replaced = 0
    progress = Progress(title, size)
    for batch, rows in zip(loader, order.split(loader.batch_sampler.batch_size)):
        samples = batch['data_samples']
        if isinstance(loader.dataset, BaseDataset):
            replaced += sum(s.get('sample_idx', r) != r for s, r in zip(samples, rows.tolist()))
        encoded = encode(batch).cpu()
        if features is None:
            features = zeros((size, *encoded.shape[1:]), folder)
        if encoded.shape[1:] != features.shape[1:]:
            raise UserError(
                f'{title}: images give features of {tuple(features.shape[1:])} and '
                f'{tuple(encoded.shape[1:])} numbers: resize all images to one size'
            )
        own = owner[rows] == rank
        features[rows[own]] = encoded[own]
        if labels is not None and 'gt_label' in samples[0]:
            labels[rows[own]] = torch.cat([sample.gt_label for sample in samples]).cpu()[own]
        else:
            labels = None
        progress.advance(len(samples) * get_world_size())
    missing = torch.tensor([replaced])
    all_reduce(missing)
    if missing := int(missing) + int((owner == get_world_size()).sum()):
        raise UserError(
            f'{title}: {missing} of {size} images were left out: set drop_last=False, and '
            'test_mode=True for a data set that skips broken images'
        )
    for tensor in (features, labels):
        for part in () if tensor is None else row_blocks(tensor):
            all_reduce(part)
    broken = sum(
        int((~part.flatten(1).isfinite().all(dim=1)).sum()) for part in features.split(4096)
    )
    if broken:
        raise UserError(
            f'{title}: {broken} of {size} images have features that are not finite: the network '
            'has diverged'
        )
    return features, labels
