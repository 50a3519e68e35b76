"""Probe a frozen network by classifiers of one layer, or attentive ones, many at a time."""

from __future__ import annotations

import copy
import itertools
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from mmpretrain.models.classifiers import BaseClassifier
from mmpretrain.registry import MODELS
from mmpretrain.structures import DataSample
from torch import Tensor, nn
from torch.nn import functional as F

from mmmask.config.signatures import accepted_keys
from mmmask.utils.errors import UserError, check_choice

from ..tokens import TOKENS, TokenReader, last_blocks
from .fused_heads import FusedHeads

_OVERFLOW = 1e30
"""A logit beyond it belongs to a probe that diverges; its loss would soon be infinite."""


@dataclass(frozen=True)
class Feature:
    """Name what a probe sees of a frozen network.

    Attributes:
        token: What `TokenReader` reads: ``'cls'``, ``'gap'``, ``'gap_normed'``, or ``'patches'``
            for attentive probes. A Swin or a ResNet has no CLS token, and its mean patch stands for
            ``'cls'``. Besides, ``'gap_renormed'`` is ``'gap'`` and then a LayerNorm without
            weights, as MAE's code with ``--global_pool``. ``'tokens'`` is ``'patches'`` with the
            CLS token in front.
        n_last_blocks: So many blocks, of which ``layer`` is the last, are concatenated.
        layer: The block, counted from 0, or from the end when negative.
        avgpool: Whether the mean patch of ``layer``, behind the final norm, follows (DINO's ViT-B).
    """

    token: str = 'cls'
    n_last_blocks: int = 1
    layer: int = -1
    avgpool: bool = False

    @property
    def name(self) -> str:
        """Return a short name for metrics: ``'cls-x4'``, ``'gap-block6'``."""
        parts = [self.token + ('+mean' if self.avgpool else '')]
        parts += [f'x{self.n_last_blocks}'] if self.n_last_blocks > 1 else []
        parts += [f'block{self.layer}'] if self.layer != -1 else []
        return '-'.join(parts)

    def parts(self, with_cls: bool) -> list[tuple[str, int]]:
        """Return what a `TokenReader` reads for it."""
        token = dict(tokens='patches', gap_renormed='gap').get(self.token, self.token)
        token = 'gap' if token == 'cls' and not with_cls else token
        parts = last_blocks(token, self.layer, self.n_last_blocks)
        if self.token == 'tokens':
            parts = [('cls', layer) for _, layer in parts] + parts
        return parts + [('gap_normed', self.layer)] * self.avgpool

    def join(self, parts: list[Tensor]) -> Tensor:
        """Return the feature, (B, C) or (B, L, C), of its parts."""
        if self.token == 'gap_renormed':
            parts = [F.layer_norm(part, part.shape[-1:], eps=1e-6) for part in parts]
        if self.token == 'tokens':
            cls, patches = parts[: self.n_last_blocks], parts[self.n_last_blocks :]
            return torch.cat((torch.cat(cls, -1).unsqueeze(1), torch.cat(patches, -1)), dim=1)
        return torch.cat(parts, dim=-1)


@dataclass(frozen=True)
class Probe:
    """One probe of a sweep.

    Attributes:
        feature: The number of its feature.
        lr: Learning rate.
        weight_decay: Weight decay; None: the optimiser's.
        name: Its name in metrics and losses, 'lr0.003' where only rates differ.
    """

    feature: int
    lr: float
    weight_decay: float | None
    name: str


@MODELS.register_module()
class LinearProbe(BaseClassifier):
    """Train classifiers on frozen features: one, or a sweep on one frozen forward.

    A sweep has a probe for each combination of features, learning rates and weight decays. All
    probes of a feature start from the same weights, N(0, 0.01) and zero biases. Their losses are
    summed and share no parameter, so a sweep equals as many separate runs. The linear layers of a
    feature are one matrix product. ``SweepOptimWrapperConstructor`` gives each probe its rate and
    decay, ``SweepTrainLoop`` selects one, and ``SweepAccuracy`` measures.

    A probe of a sweep that diverges is left out, and the others go on. Its loss is that of chance,
    and its predictions are wrong. The backbone is in evaluation mode and never changes.

    Args:
        backbone: Config of a ViT; ``out_type`` and ``out_indices`` are set here. Or a network
            without a CLS token, whose mean patch takes its place, see `Feature`.
        num_classes: Classes.
        lrs: Learning rates.
        n_last_blocks: See `Feature`. 4 for ViT-S, 1 for ViT-B (DINO).
        avgpool: See `Feature`. False for ViT-S, True for ViT-B (DINO).
        token: See `Feature`.
        layer: See `Feature`.
        features: A sweep over features: dicts of the four values above that differ.
        weight_decays: A sweep over weight decays; None: the optimiser's.
        batch_norm: Whether a BatchNorm without weights stands in front of the linear layers (MAE).
        pooling: Config of `EfficientPooling` or `CrossAttentionPooling` without ``in_channels``,
            for ``token='patches'`` or ``'tokens'``; None: a linear probe.
        data_preprocessor: As mmpretrain's ``ClsDataPreprocessor``.
        init_cfg: As every mm module's.

    Raises:
        UserError: If the backbone states its outputs or doesn't have the features. If rates aren't
            positive, decays are negative, or two are the same.
    """

    def __init__(
        self,
        backbone: dict,
        num_classes: int,
        lrs: Sequence[float] = (0.003,),
        n_last_blocks: int = 4,
        avgpool: bool = False,
        token: str = 'cls',
        layer: int = -1,
        features: Sequence[dict] | None = None,
        weight_decays: Sequence[float] | None = None,
        batch_norm: bool = False,
        pooling: dict | None = None,
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
        kind = backbone['type'] if callable(backbone['type']) else MODELS.get(backbone['type'])
        raw = dict(out_type='raw') if 'out_type' in accepted_keys(kind).names else {}
        self.backbone = MODELS.build({**backbone, **raw})
        self.backbone.requires_grad_(False)
        shared = dict(token=token, n_last_blocks=n_last_blocks, layer=layer, avgpool=avgpool)
        self.features = [Feature(**{**shared, **one}) for one in features or [{}]]
        self._readers = [self._reader(feature, pooling is not None) for feature in self.features]
        parts = [part for reader in self._readers for part in reader.parts]
        self._read = TokenReader(self.backbone, parts)
        self.probes = self._probes(tuple(lrs), weight_decays)
        self.lrs = tuple(probe.lr for probe in self.probes)
        self.pooling, self.num_classes = pooling, num_classes
        widths, random = self._widths(), torch.get_rng_state()
        first = []
        for width in widths:
            torch.set_rng_state(random)
            first.append(self._head(width, batch_norm))
        if batch_norm and pooling is None:
            self.norms = nn.ModuleList(_batch_norm(width) for width in widths)
        self.heads = nn.ModuleList(copy.deepcopy(first[probe.feature]) for probe in self.probes)
        if len(self.probes) > 1:
            #: (n,) 0: the probe has diverged, 1: it takes part, 2: it is the selected one.
            self.register_buffer('standing', torch.ones(len(self.probes), dtype=torch.uint8))
        self.train(self.training)

    def _reader(self, feature: Feature, attentive: bool) -> TokenReader:
        """Return what reads a feature, after the checks of it."""
        check_choice('token', feature.token, (*TOKENS, 'gap_renormed', 'tokens'))
        of_patches = feature.token in ('patches', 'tokens')
        if of_patches != attentive or (of_patches and feature.avgpool):
            raise UserError(
                "token='patches' (or 'tokens') and model.pooling belong together, without avgpool: "
                'an attentive probe needs both, a linear probe neither'
            )
        plain = TokenReader(self.backbone, [])
        if not plain.is_vit:
            if feature.n_last_blocks > 1:
                raise UserError(
                    'linear probing of a Swin or a ResNet takes its last stage only: '
                    'n_last_blocks=1'
                )
        elif not self.backbone.final_norm or (
            feature.token in ('cls', 'tokens') and not self.backbone.with_cls_token
        ):
            raise UserError(
                'linear probing needs a ViT with a CLS token and final_norm=True; without a CLS '
                "token set token='gap'"
            )
        return TokenReader(self.backbone, feature.parts(plain.is_vit))

    @torch.no_grad()
    def _widths(self) -> list[int]:
        """Return the channels of each feature; those of a network of stages are tried out."""
        if self._read.is_vit:
            counts = [feature.n_last_blocks + feature.avgpool for feature in self.features]
            return [self.backbone.embed_dims * count for count in counts]
        self.backbone.eval()
        image = torch.zeros(1, 3, *getattr(self.backbone, 'img_size', (224, 224)))
        return [feature.shape[-1] for feature in self.extract(image)]

    def _probes(self, lrs: tuple, decays: Sequence[float] | None) -> list[Probe]:
        """Return the combinations, named by what differs."""
        if not lrs or min(lrs) <= 0:
            raise UserError(f'lrs must be one or more different positive rates, not {lrs}')
        if decays is not None and (not decays or min(decays) < 0):
            raise UserError(f'weight_decays must be different, 0 or more, not {decays}')
        probes = []
        numbered = enumerate(self.features)
        for (number, feature), decay, lr in itertools.product(numbered, decays or (None,), lrs):
            parts = [feature.name] if len(self.features) > 1 else []
            parts += [f'lr{lr:g}']
            parts += [f'wd{decay:g}'] if len(decays or ()) > 1 else []
            probes.append(Probe(number, lr, decay, '_'.join(parts)))
        if len({probe.name for probe in probes}) < len(probes):
            raise UserError(
                f'lrs={lrs}, weight_decays={decays} and features have to be different positive '
                'values: one of them is there twice'
            )
        return probes

    def _head(self, width: int, batch_norm: bool) -> nn.Module:
        """Return a linear layer, behind a pooling and its norm where there is one."""
        parts = OrderedDict()
        if self.pooling is not None:
            parts['pool'] = MODELS.build({**self.pooling, 'in_channels': width})
            width = parts['pool'].out_channels
            if batch_norm:
                parts['norm'] = _batch_norm(width)
        linear = nn.Linear(width, self.num_classes)
        nn.init.normal_(linear.weight, std=0.01)
        nn.init.zeros_(linear.bias)
        return nn.Sequential(OrderedDict(parts, linear=linear)) if parts else linear

    def train(self, mode: bool = True) -> LinearProbe:
        """Set the mode of all but the backbone, which stays in evaluation mode."""
        super().train(mode)
        self.backbone.eval()
        return self

    @property
    def protocol_values(self) -> dict:
        """Return the values that a result needs to be compared with another."""
        values = dict(features=[feature.name for feature in self.features], lrs=self.lrs)
        if self.pooling is not None:
            values['pooling'] = dict(self.pooling)
        return values

    @torch.no_grad()
    def extract(self, inputs: Tensor) -> list[Tensor]:
        """Return each of the frozen features of images, (B, C) or (B, L, C), of one pass."""
        parts = iter(self._read(inputs))
        return [
            feature.join(list(itertools.islice(parts, len(reader.parts))))
            for feature, reader in zip(self.features, self._readers)
        ]

    def extract_feat(self, inputs: Tensor) -> Tensor:
        """Return the first of the features, which mostly is the only one."""
        return self.extract(inputs)[0]

    def forward(
        self, inputs: Tensor, data_samples: list[DataSample] | None = None, mode: str = 'tensor'
    ) -> Tensor | dict[str, Tensor] | list[DataSample]:
        """Return logits (B, n, num_classes) of the n probes ('tensor'), losses, or predictions.

        Raises:
            ValueError: If the mode is another.
        """
        logits = self._logits(self.extract(inputs))
        if mode == 'tensor':
            return logits
        if mode == 'loss':
            return self._loss(logits, data_samples)
        if mode == 'predict':
            return self._predict(logits, data_samples)
        raise ValueError(f'LinearProbe has no mode {mode!r}')

    def _logits(self, features: list[Tensor]) -> Tensor:
        """Return the logits (B, n, K) of the n probes, one matrix product for each feature."""
        logits, count = [], len(self.heads) // len(self.features)
        for number, feature in enumerate(features):
            heads = self.heads[number * count : (number + 1) * count]
            if self.pooling is not None:
                logits.append(torch.stack([head(feature) for head in heads], dim=1))
                continue
            if hasattr(self, 'norms'):
                feature = self.norms[number](feature)
            logits.append(FusedHeads.apply(feature, *itertools.chain(*map(_parameters, heads))))
        return torch.cat(logits, dim=1) if len(logits) > 1 else logits[0]

    def _loss(self, logits: Tensor, data_samples: list[DataSample]) -> dict[str, Tensor]:
        """Return the cross entropy of each probe, 'loss_lr0.003' and so on."""
        labels = torch.cat([sample.gt_label for sample in data_samples]).to(logits.device)
        if len(self.probes) > 1:
            sound = logits.detach().abs().amax(dim=(0, 2)) < _OVERFLOW  # False for NaN
            sound |= ~sound.any()  # when none is left, the loss stops the training
            self.standing.masked_fill_(~sound, 0)
            logits = torch.where(self.standing[:, None] > 0, logits, torch.zeros_like(logits))
        losses = F.cross_entropy(
            logits.flatten(0, 1), labels.repeat_interleave(len(self.probes)), reduction='none'
        )
        means = losses.unflatten(0, (-1, len(self.probes))).mean(dim=0)
        return {f'loss_{probe.name}': loss for probe, loss in zip(self.probes, means)}

    def _predict(self, logits: Tensor, data_samples: list[DataSample]) -> list[DataSample]:
        """Set ``sweep_scores`` (n, num_classes), ``sweep_probes`` and ``sweep_selected``.

        The scores of a probe that has diverged are NaN. ``sweep_selected`` is the number of the
        selected probe, or None.
        """
        selected = None
        if len(self.probes) > 1:
            logits = logits.masked_fill(self.standing[:, None] == 0, torch.nan)
            chosen = (self.standing == 2).nonzero().flatten().tolist()
            selected = chosen[0] if chosen else None
        for sample, scores in zip(data_samples, logits):
            sample.set_field(scores, 'sweep_scores')
            sample.set_field(tuple(self.probes), 'sweep_probes')
            sample.set_field(selected, 'sweep_selected')
        return data_samples

    @torch.no_grad()
    def select(self, number: int) -> None:
        """Select a probe: the one that `SweepAccuracy` reports from now on."""
        self.standing.clamp_(max=1)
        self.standing[number] = 2

    @torch.no_grad()
    def drop_diverged(self) -> list[int]:
        """Set the weights of probes that have diverged to zero, and return their numbers.

        Their weights may be NaN, and a checkpoint must not hold any.
        """
        diverged = []
        tensors = [(*head.parameters(), *head.buffers()) for head in self.heads]
        for number, own in enumerate(tensors):
            if self.standing[number] == 0 or not all(bool(one.isfinite().all()) for one in own):
                diverged.append(number)
        if len(diverged) == len(self.heads):
            return []
        for number in diverged:
            self.standing[number] = 0
            for tensor in tensors[number]:
                tensor.zero_()
        return diverged


def _parameters(linear: nn.Linear) -> tuple[Tensor, Tensor]:
    return linear.weight, linear.bias


def _batch_norm(width: int) -> nn.BatchNorm1d:
    """Return MAE's normalisation in front of a linear probe."""
    return nn.BatchNorm1d(width, affine=False, eps=1e-6)
