"""Read features of data sets: those that are kept on disk, or new ones."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from pathlib import Path

import torch
from mmengine.config import Config
from mmengine.runner.amp import autocast
from torch import Tensor, nn
from torch.utils.data import DataLoader

from mmmask.utils.errors import UserError
from mmmask.version import __version__

from .features import FeatureEncoder, extract_features
from .store import (
    FeatureStore,
    identity_of_data,
    identity_of_files,
    identity_of_weights,
    zeros,
)

_NO_MATTER = ('init_cfg', 'out_type', 'out_indices', 'frozen_stages', 'drop_path_rate')
"""What a backbone's config may say without an effect on the features."""


class FeatureReader:
    """Read the features of a network, which must not change meanwhile: it is hashed once.

    Args:
        model: In evaluation mode, with a ``backbone`` and a ``data_preprocessor``.
        cfg: The config that it was built from.
        features_dir: Folder of the features that are kept; None: none are.
        fp16: Whether features are computed under autocast.
    """

    def __init__(
        self,
        model: nn.Module,
        cfg: Config,
        features_dir: str | Path | None,
        fp16: bool = False,
    ) -> None:
        self.model, self.cfg, self.features_dir, self.fp16 = model, cfg, features_dir, fp16

    @cached_property
    def weights(self) -> str:
        """Return the hash of the backbone's tensors."""
        return identity_of_weights(self.model.backbone)

    def encoder(self, **read) -> FeatureEncoder:
        """Return the encoder of a token, see `FeatureEncoder`."""
        return FeatureEncoder(self.model.backbone, self.model.data_preprocessor, **read)

    def __call__(
        self,
        loader: DataLoader,
        title: str,
        mirrored: bool = False,
        token: str = 'cls',
        layer: int = -1,
        n_blocks: int = 1,
        most: float = math.inf,
    ) -> tuple[Tensor, Tensor | None] | None:
        """Return features and labels of a data set, in its order, the same on all ranks.

        Args:
            loader: Of :func:`~mmmask.evaluation.loader.build_loader`.
            title: Names the data in the log and in errors.
            mirrored: Whether the mirror image's features follow the image's, which is read once.
            token: See `FeatureEncoder`.
            layer: The block, negative from the end.
            n_blocks: Blocks, of which ``layer`` is the last; their features are concatenated.
            most: Bytes of all features in float32. To tell them, the network sees an image.

        Returns:
            Features (N, C), of ``'patches'`` (N, L, C), float32, and labels (N,) int64, or None
            without labels. They are on the CPU. With ``mirrored`` (N, 2, ...). None if there are no
            kept features and new ones would have more than ``most`` bytes.
        """
        encode = self.encoder(token=token, layer=layer, n_blocks=n_blocks)

        def both(batch: dict) -> Tensor:
            mirror = dict(batch, inputs=[image.flip(-1) for image in batch['inputs']])
            return torch.stack((encode(batch), encode(mirror)), dim=1)

        def make() -> tuple[Tensor, Tensor | None] | None:
            made = both if mirrored else encode
            with autocast(enabled=self.fp16):
                if most < math.inf:
                    first = made(loader.collate_fn([loader.dataset[0]]))
                    if 4 * first.numel() * len(loader.dataset) > most:
                        return None
                return extract_features(loader, made, title, self.features_dir)

        data = None if self.features_dir is None else identity_of_data(loader.dataset)
        if data is None:
            return make()
        key = self._key(encode, data, token=token, n_blocks=n_blocks, mirrored=mirrored)
        return FeatureStore(self.features_dir).get(key, make, title)

    def stream(
        self,
        paths: Sequence[str],
        load: Callable[[str], Tensor],
        title: str,
        most: float,
        token: str = 'patches',
        layer: int = -1,
        **key,
    ) -> Iterator[Tensor]:
        """Yield the features of images of one size, one after the other, on this rank alone.

        New features are kept when all have been taken, if they have at most ``most`` bytes.

        Args:
            paths: Files of the images.
            load: Gives an image, (3, H, W), as the data preprocessor wants it.
            title: Names the images in the log.
            most: Bytes of all features in float32; at 0 kept ones aren't looked for.
            token: See `FeatureEncoder`.
            layer: The block, negative from the end.
            **key: Plain values that tell what ``load`` does.

        Yields:
            Features (C,), of ``'patches'`` (L, C), float32, on the network's device.

        Raises:
            UserError: If features are not finite, which a diverged network gives.
        """
        encode = self.encoder(token=token, layer=layer)
        kept = self.features_dir is not None and most > 0
        store = FeatureStore(self.features_dir) if kept else None
        if store is not None:
            key = self._key(encode, identity_of_files(paths), token=token, **key)
            if found := store.read(key, title):
                yield from (features.to(encode.device) for features in found[0])
                return
        new = None
        for row, path in enumerate(paths):
            with autocast(enabled=self.fp16):
                features = encode(dict(inputs=load(path)[None], data_samples=None))[0]
            if not features.isfinite().all():
                raise UserError(f'{path}: the features are not finite: the network has diverged')
            if row == 0 and store is not None and 4 * features.numel() * len(paths) <= most:
                new = zeros((len(paths), *features.shape), self.features_dir)
            if new is not None:
                new[row] = features
            yield features
        if new is not None:
            store.write(key, new, None, title)

    def _key(self, encode: FeatureEncoder, data: str, **key) -> dict:
        """Return what tells features of the network from all others."""
        model = self.cfg.model
        return dict(
            mmmask=__version__,
            layer=encode.read.layers[-1],
            data=data,
            weights=self.weights,
            backbone={k: v for k, v in model.backbone.items() if k not in _NO_MATTER},
            preprocessor=model.get('data_preprocessor') or self.cfg.get('data_preprocessor'),
            device=encode.device.type,
            autocast=self.fp16 and torch.get_autocast_dtype(encode.device.type),
            **key,
        )
