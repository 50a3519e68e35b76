"""Features of a data set, in its order, from a frozen backbone, on one or several ranks."""

from __future__ import annotations

from collections.abc import Callable

import torch
from mmengine.dataset import InfiniteSampler
from mmengine.dist import all_reduce, get_world_size
from torch import Tensor, nn
from torch.utils.data import DataLoader

from mmmask.errors import UserError

from .progress import Progress


class FeatureEncoder:
    """Batches of a data loader to one feature vector per image, without gradients.

    Args:
        backbone: A ViT that returns all tokens of its last block, behind the final norm, as
            (B, E + L, C): ``out_type='raw'``; E extra tokens, the CLS token first, L patches. Or a
            ``MaskedSwinTransformer``, which has no CLS token.
        preprocess: The model's data preprocessor.
        feature: 'cls', the CLS token (DINO), or 'gap', the mean patch token (AttMask, Table A10).

    Raises:
        UserError: If the feature is unknown, or the backbone doesn't give it.
    """

    def __init__(
        self, backbone: nn.Module, preprocess: Callable[[dict], dict], feature: str = 'cls'
    ) -> None:
        if feature not in ('cls', 'gap'):
            raise UserError(f"feature must be 'cls' or 'gap', not {feature!r}")
        if getattr(backbone, 'out_type', None) != 'raw':
            raise UserError(
                f"frozen features need a ViT with out_type='raw', not {type(backbone).__name__} "
                f'with {getattr(backbone, "out_type", None)!r}'
            )
        if feature == 'cls' and not backbone.with_cls_token:
            raise UserError("the backbone has no CLS token: set feature='gap'")
        self.backbone, self.preprocess, self.feature = backbone, preprocess, feature
        self.width: int = getattr(backbone, 'out_channels', backbone.embed_dims)
        self.device: torch.device = next(backbone.parameters()).device

    @torch.no_grad()
    def __call__(self, batch: dict) -> Tensor:
        """Features (B, C), float32, of a collated batch."""
        images = batch['inputs']
        images = images if isinstance(images, Tensor) else torch.stack(images)
        data = self.preprocess(dict(inputs=images, data_samples=batch['data_samples']))
        tokens = self.backbone(data['inputs'])[-1]
        if self.feature == 'cls':
            return tokens[:, 0].float()
        return tokens[:, self.backbone.num_extra_tokens :].float().mean(dim=1)


def extract_features(
    loader: DataLoader, encode: FeatureEncoder, title: str = 'features'
) -> tuple[Tensor, Tensor]:
    """Features and labels of every image of a data set, in its order, the same on all ranks.

    Images are told by their index in the data set, so neither the sampler's order nor the images
    that it repeats to give all ranks equally many matter.

    Args:
        loader: Gives batches with ``data_samples`` that have ``sample_idx`` and ``gt_label``, as
            mmpretrain's data sets do.
        encode: Makes the features, (B, C).
        title: Names the data in the log.

    Returns:
        Features (N, C) float32 and labels (N,) int64, on the encoder's device.

    Raises:
        UserError: If the loader never ends or leaves out images, or there are no labels.
    """
    if isinstance(loader.sampler, InfiniteSampler):
        raise UserError(f'{title}: use a DefaultSampler, an InfiniteSampler never ends')
    size, device = len(loader.dataset), encode.device
    features = torch.zeros(size, encode.width, device=device)
    labels = torch.zeros(size, dtype=torch.long, device=device)
    seen = torch.zeros(size, dtype=torch.long, device=device)
    progress = Progress(title, size)
    for batch in loader:
        samples = batch['data_samples']
        if 'gt_label' not in samples[0]:
            raise UserError(f'{title}: the data set has no labels')
        rows = torch.tensor([sample.sample_idx for sample in samples], device=device)
        features[rows] = encode(batch)
        labels[rows] = torch.cat([sample.gt_label for sample in samples]).to(device)
        seen[rows] = 1
        progress.advance(len(samples) * get_world_size())
    for tensor in (features, labels, seen):
        all_reduce(tensor)
    if missing := int((seen == 0).sum()):
        raise UserError(
            f'{title}: {missing} of {size} images were left out: set drop_last=False, and '
            'test_mode=True for a data set that skips broken images'
        )
    return features / seen[:, None], labels // seen
