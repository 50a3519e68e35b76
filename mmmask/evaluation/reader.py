"""Read features of data sets: those that are kept on disk, or new ones."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path

import torch
from mmengine.config import Config
from mmengine.runner.amp import autocast
from torch import Tensor, nn
from torch.utils.data import DataLoader

from mmmask.version import __version__

from .features import FeatureEncoder, extract_features
from .store import FeatureStore, identity_of_data, identity_of_weights

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
    ) -> tuple[Tensor, Tensor | None]:
        """Return features and labels of a data set, in its order, the same on all ranks.

        Args:
            loader: Of :func:`~mmmask.evaluation.loader.build_loader`.
            title: Names the data in the log and in errors.
            mirrored: Whether the mirror image's features follow the image's, which is read once.
            token: See `FeatureEncoder`.
            layer: The block, negative from the end.
            n_blocks: Blocks, of which ``layer`` is the last; their features are concatenated.

        Returns:
            Features (N, C), of ``'patches'`` (N, L, C), float32, and labels (N,) int64, or None
            without labels. They are on the CPU. With ``mirrored`` (N, 2, ...).
        """
        encode = self.encoder(token=token, layer=layer, n_blocks=n_blocks)

        def both(batch: dict) -> Tensor:
            mirror = dict(batch, inputs=[image.flip(-1) for image in batch['inputs']])
            return torch.stack((encode(batch), encode(mirror)), dim=1)

        def make() -> tuple[Tensor, Tensor | None]:
            with autocast(enabled=self.fp16):
                made = both if mirrored else encode
                return extract_features(loader, made, title, self.features_dir)

        data = None if self.features_dir is None else identity_of_data(loader.dataset)
        if data is None:
            return make()
        backbone = {k: v for k, v in self.cfg.model.backbone.items() if k not in _NO_MATTER}
        preprocessor = self.cfg.model.get('data_preprocessor')
        key = dict(
            token=token,
            n_blocks=n_blocks,
            mmmask=__version__,
            layer=encode.read.layers[-1],
            data=data,
            weights=self.weights,
            backbone=backbone,
            preprocessor=preprocessor or self.cfg.get('data_preprocessor'),
            device=encode.device.type,
            autocast=self.fp16 and torch.get_autocast_dtype(encode.device.type),
            **(dict(mirrored=True) if mirrored else {}),
        )
        return FeatureStore(self.features_dir).get(key, make, title)
