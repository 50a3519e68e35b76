"""Compute the features of a data set, in its order, on one or several ranks."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import partial

import torch
from mmengine.dataset import InfiniteSampler
from mmengine.dist import all_reduce, get_world_size
from mmpretrain.models import SelfSupDataPreprocessor, TwoNormDataPreprocessor
from torch import Tensor, nn
from torch.utils.data import DataLoader

from mmmask.utils.errors import UserError
from mmmask.utils.progress import Progress

FEATURES = ('cls', 'gap', 'gap_normed')
"""What can stand for an image, see :class:`FeatureEncoder`."""

#: The features that a backbone can give, by its ``out_type``.
_GIVEN = dict(raw=FEATURES, cls_token=('cls',), featmap=FEATURES[1:])


class FeatureEncoder:
    """Encode a batch of a data loader: one feature vector for each image, without gradients.

    A backbone of pre-training gets whole images: where ``forward`` takes a mask, it is None.
    (Without the argument, mmpretrain's MAE would mask.)

    Args:
        backbone: A network whose ``out_type`` is one of

            - ``'raw'``: all tokens (B, E + L, C) of the last block, behind the final norm. E extra
              tokens, the CLS token first, L patches. A ``MaskedSwinTransformer`` has no CLS token.
            - ``'cls_token'``: the CLS token alone.
            - ``'featmap'``, or without an ``out_type`` (Swin, ResNet): maps, of which the last one
              is averaged.
        preprocess: The model's data preprocessor. Of the two pictures that BEiT's and CAE's
            normalise, the first is taken.
        feature: One of

            - ``'cls'``: the CLS token behind the final norm (DINO).
            - ``'gap'``: the mean patch token before the final norm of a ViT with a CLS token, as
              the published evaluation of AttMask's Table A10. Other networks, a Swin among them,
              have their norm before the mean, as in DINO's code.
            - ``'gap_normed'``: the mean patch token behind the final norm.

    Raises:
        UserError: If the feature is unknown, or the backbone doesn't give it.
    """

    def __init__(
        self, backbone: nn.Module, preprocess: Callable[[dict], dict], feature: str = 'cls'
    ) -> None:
        if feature not in FEATURES:
            raise UserError(f'feature must be one of {FEATURES}, not {feature!r}')
        out_type = getattr(backbone, 'out_type', 'featmap')
        if feature not in _GIVEN.get(out_type, ()):
            raise UserError(
                f'{type(backbone).__name__} with out_type={out_type!r} gives no {feature!r}: '
                "set out_type='raw', or feature='gap' if it is a network of maps"
            )
        if feature == 'cls' and not backbone.with_cls_token:
            raise UserError("the backbone has no CLS token: set feature='gap'")
        if isinstance(preprocess, TwoNormDataPreprocessor):
            preprocess = partial(SelfSupDataPreprocessor.forward, preprocess)
        self.backbone, self.preprocess, self.feature = backbone, preprocess, feature
        masks = 'mask' in inspect.signature(backbone.forward).parameters
        self._whole = dict(mask=None) if masks else {}
        is_vit = feature == 'gap' and getattr(backbone, 'with_cls_token', False)
        self._skipped = backbone.ln1 if is_vit and backbone.final_norm else None
        self.device: torch.device = next(backbone.parameters()).device

    @torch.no_grad()
    def __call__(self, batch: dict) -> Tensor:
        """Return the features (B, C), float32, of a collated batch."""
        images = batch['inputs']
        images = images if isinstance(images, Tensor) else torch.stack(images)
        data = self.preprocess(dict(inputs=images, data_samples=batch['data_samples']))
        output = self._last_output(data['inputs'])
        if output.dim() == 4:
            return output.float().mean(dim=(2, 3))
        if output.dim() == 2:
            return output.float()
        if self.feature == 'cls':
            return output[:, 0].float()
        return output[:, self.backbone.num_extra_tokens :].float().mean(dim=1)

    def _last_output(self, images: Tensor) -> Tensor:
        """Return the last output, or what enters the final norm where that is skipped."""
        if self._skipped is None:
            return self.backbone(images, **self._whole)[-1]
        entered: list[Tensor] = []
        hook = self._skipped.register_forward_pre_hook(lambda _, args: entered.append(args[0]))
        try:
            self.backbone(images, **self._whole)
        finally:
            hook.remove()
        return entered[-1]


def extract_features(
    loader: DataLoader, encode: FeatureEncoder, title: str = 'features'
) -> tuple[Tensor, Tensor]:
    """Return features and labels of every image of a data set, in its order, the same on all ranks.

    Images are told apart by their index in the data set. So the sampler's order doesn't matter, nor
    do the images that a sampler repeats to give all ranks equally many.

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
    features = None  # as wide as the first batch is
    labels = torch.zeros(size, dtype=torch.long, device=device)
    seen = torch.zeros(size, dtype=torch.long, device=device)
    progress = Progress(title, size)
    for batch in loader:
        samples = batch['data_samples']
        if 'gt_label' not in samples[0]:
            raise UserError(f'{title}: the data set has no labels')
        rows = torch.tensor([sample.sample_idx for sample in samples], device=device)
        encoded = encode(batch)
        if features is None:
            features = encoded.new_zeros(size, encoded.shape[1])
        features[rows] = encoded
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
