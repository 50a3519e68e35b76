"""Probe a frozen ViT by linear classifiers, one for each learning rate."""

from __future__ import annotations

import copy
from collections.abc import Sequence

import torch
from mmpretrain.models.classifiers import BaseClassifier
from mmpretrain.registry import MODELS
from mmpretrain.structures import DataSample
from torch import Tensor, nn
from torch.nn import functional as F

from mmmask.utils.errors import UserError

from ..tokens import TokenReader, last_blocks


@MODELS.register_module()
class LinearProbe(BaseClassifier):
    """DINO's linear evaluation, with iBOT's sweep of learning rates on one frozen forward.

    The feature concatenates the CLS tokens of the last blocks, all behind the *same* final norm.
    With ``avgpool``, the mean patch token of the last block follows, normalised too. The backbone
    is in evaluation mode, has no gradient and never changes.

    All linear layers, one per learning rate, start from the same weights, N(0, 0.01) and zero
    biases. Their losses are summed and share no parameter: a sweep equals as many separate runs.
    The layers get their rates from ``SweepOptimWrapperConstructor``; ``SweepAccuracy`` measures.

    Args:
        backbone: Config of a ViT; ``out_type`` and ``out_indices`` are set here. Or a
            ``MaskedSwinTransformer``, whose mean token takes the CLS token's place; its stages
            differ in width, so ``n_last_blocks`` is 1.
        num_classes: Classes.
        lrs: Learning rates, each of its own layer.
        n_last_blocks: 4 for ViT-S, 1 for ViT-B (DINO).
        avgpool: False for ViT-S, True for ViT-B (DINO).
        data_preprocessor: As mmpretrain's ``ClsDataPreprocessor``.
        init_cfg: As every mm module's.

    Raises:
        UserError: If the backbone states its outputs, has too few blocks, no CLS token or no final
            norm. If learning rates aren't positive and different.
    """

    def __init__(
        self,
        backbone: dict,
        num_classes: int,
        lrs: Sequence[float] = (0.003,),
        n_last_blocks: int = 4,
        avgpool: bool = False,
        data_preprocessor: dict | None = None,
        init_cfg: dict | None = None,
    ) -> None:
        if backbone.get('out_type', 'raw') != 'raw' or 'out_indices' in backbone:
            raise UserError(
                'linear probing chooses backbone.out_type and out_indices itself, by '
                'n_last_blocks: leave them out'
            )
        preprocessor = {'type': 'mmpretrain.ClsDataPreprocessor', **(data_preprocessor or {})}
        super().__init__(init_cfg=init_cfg, data_preprocessor=preprocessor)
        self.backbone = MODELS.build({**backbone, 'out_type': 'raw'})
        self.backbone.requires_grad_(False)
        depth = self.backbone.num_layers
        if not 1 <= n_last_blocks <= depth:
            raise UserError(f'n_last_blocks = {n_last_blocks}, but the backbone has {depth} blocks')
        pooled = getattr(self.backbone, 'first_is_mean', False)  # Swin
        if pooled and n_last_blocks > 1:
            raise UserError('linear probing of a Swin takes its last stage only: n_last_blocks=1')
        if not ((self.backbone.with_cls_token or pooled) and self.backbone.final_norm):
            raise UserError('linear probing needs a ViT with a CLS token and final_norm=True')
        parts = last_blocks('gap' if pooled else 'cls', -1, n_last_blocks)
        self._read = TokenReader(self.backbone, parts + [('gap_normed', -1)] * avgpool)
        self.n_last_blocks = n_last_blocks
        self.lrs = tuple(lrs)
        if not self.lrs or min(self.lrs) <= 0 or len(set(self.lr_names)) < len(self.lrs):
            raise UserError(f'lrs must be one or more different positive rates, not {self.lrs}')
        self.avgpool = avgpool
        width = getattr(self.backbone, 'out_channels', self.backbone.embed_dims)
        first = nn.Linear(width * (n_last_blocks + avgpool), num_classes)
        nn.init.normal_(first.weight, std=0.01)
        nn.init.zeros_(first.bias)
        self.heads = nn.ModuleList(copy.deepcopy(first) for _ in self.lrs)
        self.train(self.training)

    @property
    def protocol_values(self) -> dict:
        """Return the values that a result needs to be compared with another."""
        token = self._read.parts[0][0]
        return dict(token=token, n_blocks=self.n_last_blocks, avgpool=self.avgpool, lrs=self.lrs)

    @property
    def lr_names(self) -> list[str]:
        """Return the learning rates as metrics and losses name them: 'lr0.003'."""
        return [f'lr{lr:g}' for lr in self.lrs]

    def train(self, mode: bool = True) -> LinearProbe:
        """Set the mode of all but the backbone, which stays in evaluation mode."""
        super().train(mode)
        self.backbone.eval()
        return self

    @torch.no_grad()
    def extract_feat(self, inputs: Tensor) -> Tensor:
        """Return frozen features (B, n C), with ``avgpool`` (B, (n + 1) C), of images."""
        return torch.cat(self._read(inputs), dim=1)

    def forward(
        self, inputs: Tensor, data_samples: list[DataSample] | None = None, mode: str = 'tensor'
    ) -> Tensor | dict[str, Tensor] | list[DataSample]:
        """Return logits (B, n, num_classes) of the n layers ('tensor'), losses, or predictions.

        Raises:
            ValueError: If the mode is another.
        """
        features = self.extract_feat(inputs)
        logits = torch.stack([head(features) for head in self.heads], dim=1)
        if mode == 'tensor':
            return logits
        if mode == 'loss':
            return self._loss(logits, data_samples)
        if mode == 'predict':
            return self._predict(logits, data_samples)
        raise ValueError(f'LinearProbe has no mode {mode!r}')

    def _loss(self, logits: Tensor, data_samples: list[DataSample]) -> dict[str, Tensor]:
        """Return the cross entropy of each layer, 'loss_lr0.003' and so on."""
        labels = torch.cat([sample.gt_label for sample in data_samples]).to(logits.device)
        return {
            f'loss_{name}': F.cross_entropy(logits[:, i], labels)
            for i, name in enumerate(self.lr_names)
        }

    def _predict(self, logits: Tensor, data_samples: list[DataSample]) -> list[DataSample]:
        """Set ``sweep_scores`` (n, num_classes) and ``sweep_lrs`` (n values) of the samples."""
        for sample, scores in zip(data_samples, logits):
            sample.set_field(scores, 'sweep_scores')
            sample.set_field(self.lrs, 'sweep_lrs')
        return data_samples
