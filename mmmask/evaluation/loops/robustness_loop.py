"""Test a classifier on several sets of images beside its own."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from mmengine.dataset import BaseDataset
from mmengine.logging import MMLogger
from mmengine.runner import Runner
from mmengine.runner.amp import autocast
from mmpretrain.registry import LOOPS
from torch import Tensor, nn

from mmmask.config.init_cfg import PLACEHOLDER, pretrained_of
from mmmask.datasets.transforms.image_corruption import ImageCorruption, corruption_names
from mmmask.utils.errors import UserError, explained

from ..features import extract_features
from ..loader import build_loader
from ..metrics import background_gap, mean_corruption_error
from ..metrics.corruption_error import ALEXNET
from ..metrics.top1 import best_class, right_images, top1
from ..salient_patches import SalientPatches
from .loop import FrozenLoop


class NamedSet:
    """One set of images, and how predictions for it are counted.

    Args:
        runner: The runner.
        name: Names the set in metrics.
        dataloader: Config of the classifier's own test set, whose pipeline is used.
        dataset: What differs in the data set's config.
        own_classes: Whether only the classes that the set has compete.
        class_map: The coarse class of each class, or -1: a list, or the path of a json file like
            ImageNet-9's ``in_to_in9.json``.
        corruptions: Names of corruptions, or ``'common'``, all fifteen.
        severities: Of each corruption.
        normalise: Divide each corruption's error by AlexNet's, as the published mCE.
        jpeg_quality: See ``ImageCorruption``.
        ratios: Shares of the patches that are blackened, each once.
        reference: Config of the network whose attention chooses them.

    Raises:
        UserError: If data or the class map can't be read, or a reference is missing.
    """

    def __init__(
        self,
        runner: Runner,
        name: str,
        dataloader: Mapping,
        dataset: Mapping | None = None,
        own_classes: bool = False,
        class_map: str | Sequence[int] | None = None,
        corruptions: str | Sequence[str] = (),
        severities: Sequence[int] = (1, 2, 3, 4, 5),
        normalise: bool = False,
        jpeg_quality: int | None = 85,
        ratios: Sequence[float] = (),
        reference: Mapping | None = None,
    ) -> None:
        self.name, self.normalise = name, normalise
        config = {**dataloader['dataset'], **(dataset or {})}
        self.corruptions = corruption_names() if corruptions == 'common' else list(corruptions)
        self.severities = tuple(severities) if self.corruptions else ()
        if self.corruptions:
            step = dict(type='ImageCorruption', jpeg_quality=jpeg_quality)
            *steps, packing = config['pipeline']
            config['pipeline'] = [*steps, step, packing]
            # Workers are started anew for each corruption, which they must hear of.
            dataloader = {**dataloader, 'persistent_workers': False}
        try:
            self.loader = build_loader(runner, {**dataloader, 'dataset': config})
            self.class_map = class_map and read_class_map(class_map)
        except UserError as error:
            raise UserError(f'{error} [test_cfg.sets.{name}=None leaves this set out]') from error
        self.labels = labels_of(self.loader.dataset)
        classes = sorted({label for each in self.labels for label in each})
        self.classes, self.highest = classes if own_classes else None, classes[-1]
        if self.class_map and max(self.class_map) != self.highest:
            raise UserError(
                f'the class map of {name} has classes 0 to {max(self.class_map)}, but its images '
                f'have 0 to {self.highest}'
            )
        self.ratios, self.black = tuple(ratios), None
        weights = pretrained_of(reference and reference.get('init_cfg')) or {}
        if self.ratios and weights.get('checkpoint', PLACEHOLDER) == PLACEHOLDER:
            raise UserError(
                f'test_cfg.sets.{name} needs a reference, the network whose attention is '
                f'blackened: set test_cfg.sets.{name}.reference.init_cfg.checkpoint=FILE, or '
                f'test_cfg.sets.{name}=None'
            )
        self.reference = reference

    def variants(self) -> Iterator[tuple[str, Callable[[Tensor], Tensor] | None]]:
        """Yield the name of each pass over the set, and what changes its normalised images.

        The data set's corruption is set before each name is yielded.
        """
        for corruption in self.corruptions:
            for severity in self.severities:
                for step in self.loader.dataset.pipeline.transforms:
                    if isinstance(step, ImageCorruption):
                        step.set(corruption, severity)
                yield f'{self.name}_{corruption}_{severity}', None
        for ratio in self.ratios:
            yield f'{self.name}_{100 * ratio:g}', lambda images, r=ratio: self.black(images, r)
        if not (self.corruptions or self.ratios):
            yield self.name, None

    def check(self, num_classes: int) -> None:
        """Refuse a class map or labels of another number of classes than the classifier's."""
        if self.class_map and len(self.class_map) != num_classes:
            raise UserError(
                f'the class map of {self.name} has {len(self.class_map)} classes, but the '
                f'classifier has {num_classes}'
            )
        if not self.class_map and self.highest >= num_classes:
            raise UserError(
                f'the images of {self.name} have label {self.highest}, but the classifier has '
                f'{num_classes} classes'
            )

    def prepare(self, model: nn.Module) -> None:
        """Load the reference network, where there is one."""
        if self.ratios:
            self.black = SalientPatches(self.reference, model.data_preprocessor)


@LOOPS.register_module()
class RobustnessLoop(FrozenLoop):
    """Measure the top-1 accuracy of a classifier on its test set and on named sets.

    In a config of a classifier, a fitted probe or a fine-tuned one, set ``test_evaluator=[]`` and
    ``test_cfg=dict(type='RobustnessLoop', sets=dict(NAME=dict(dataset=...)))``, see `NamedSet`.
    The set's images pass through the pipeline of the test set. A set that is None is left out.

    Of a sweep of probes, the selected one counts. Where none is selected, the one that is best on
    the test set counts.

    Args:
        runner: The runner.
        dataloader: Config of the classifier's test set, the clean images.
        evaluator: Must be empty.
        sets: Name -> arguments of a `NamedSet`.
        **options: See `FrozenLoop`.

    Raises:
        UserError: See `NamedSet`.
    """

    def __init__(
        self,
        runner: Runner,
        dataloader: dict,
        evaluator: Sequence,
        sets: Mapping[str, Mapping | None],
        **options,
    ) -> None:
        super().__init__(runner, dataloader, evaluator, **options)
        self.sets = [
            NamedSet(runner, name, dataloader, **arguments)
            for name, arguments in sets.items()
            if arguments is not None
        ]
        self.probe: int | None = None

    def measure(self, model: nn.Module) -> dict[str, float]:
        """Return ``robustness/clean_top1``, ``robustness/SET_top1`` and what follows from them."""
        for each in self.sets:
            each.prepare(model)
        labels = labels_of(self.dataloader.dataset)
        subsets = [None, *(each.classes for each in self.sets if each.classes)]
        clean = self._predict(model, self.dataloader, 'clean', subsets)  # (N, S, n)
        of_all = [top1(column, labels) for column in clean[:, 0].T]
        self.probe = int(np.argmax(of_all)) if self.selected is None else self.selected
        right = dict(clean=right_images(clean[:, 0, self.probe], labels))  # of each image
        places = iter(range(1, len(subsets)))
        for each in self.sets:
            if each.classes:
                chosen = set(each.classes)
                rows = [row for row, label in enumerate(labels) if label[0] in chosen]
                predicted = clean[rows, next(places), self.probe]
                own = [labels[row] for row in rows]
                right[f'{each.name}_clean'] = right_images(predicted, own)
            for name, change in each.variants():
                predicted = self._predict(model, each.loader, name, [each.classes], change)
                predicted = predicted[:, 0, self.probe]
                right[name] = right_images(predicted, each.labels, each.class_map)
                accuracy = 100 * right[name].mean() if len(right[name]) else math.nan
                MMLogger.get_current_instance().info(f'{name}: {accuracy:.2f} % top-1')
        self.outcomes = {
            f'robustness/{name}_top1': 100.0 * images for name, images in right.items()
        }
        for each in self.sets:
            if each.corruptions:
                self.outcomes |= _of_corruptions(each, right)
        metrics = {
            name: float(images.mean()) if len(images) else math.nan
            for name, images in self.outcomes.items()
        }
        if {'mixed_same', 'mixed_rand'} <= set(right):  # of two sets: no image has both
            gap = background_gap(right['mixed_same'], right['mixed_rand'])
            metrics['robustness/bg_gap'] = gap
        return metrics

    def _predict(
        self,
        model: nn.Module,
        loader: torch.utils.data.DataLoader,
        title: str,
        subsets: Sequence[Sequence[int] | None],
        change: Callable[[Tensor], Tensor] | None = None,
    ) -> Tensor:
        """Return the predicted classes (N, S, n) among S subsets of the classes, of n probes."""

        @torch.no_grad()
        def encode(batch: dict) -> Tensor:
            data = model.data_preprocessor(batch, False)
            if change is not None:
                data['inputs'] = change(data['inputs'])
            scores = self._scores(model._run_forward(data, mode='predict'))  # (B, n, C)
            best = torch.stack([best_class(scores, subset) for subset in subsets], dim=1).float()
            broken = ~scores.isfinite().all(dim=2).any(dim=1)  # by every probe
            best[broken] = torch.nan  # for `extract_features` to refuse, on all ranks together
            return best

        with autocast(enabled=self.fp16):
            return extract_features(loader, encode, title)[0].long()

    def _scores(self, samples: Sequence) -> Tensor:
        """Return the scores (B, n, C) of predicted samples, and check sets against C classes."""
        self.selected = samples[0].get('sweep_selected')  # of a sweep of probes
        if 'sweep_scores' in samples[0]:
            scores = torch.stack([sample.sweep_scores for sample in samples])
        else:
            scores = torch.stack([sample.pred_score for sample in samples])[:, None]
        for each in self.sets:
            each.check(scores.shape[-1])
        return scores

    def values(self) -> dict:
        """Return the names of the sets, the corruptions' severities and the blackened shares."""
        return dict(
            sets=[each.name for each in self.sets],
            severities=sorted({s for each in self.sets for s in each.severities}),
            blackened=[ratio for each in self.sets for ratio in each.ratios],
            probe=self.probe,
        )


def labels_of(dataset: BaseDataset) -> list[tuple[int, ...]]:
    """Return the right classes of each image: its ``gt_label``, or all of its ``gt_labels``."""
    infos = map(dataset.get_data_info, range(len(dataset)))
    return [tuple(info.get('gt_labels') or (int(info['gt_label']),)) for info in infos]


def read_class_map(class_map: str | Sequence[int]) -> list[int]:
    """Return the coarse class of each class, or -1.

    Args:
        class_map: The list, or a json file: a list, or ``{"0": 3, "1": -1, ...}``.

    Raises:
        UserError: If the file is missing or holds something else.
    """
    if not isinstance(class_map, str):
        return list(class_map)
    if not Path(class_map).is_file():
        raise UserError(f'the class map does not exist: {class_map}')
    with explained(f'{class_map} is no map from classes to classes'):
        content = json.loads(Path(class_map).read_text())
        if isinstance(content, dict):
            content = [content[str(number)] for number in range(len(content))]
        return [int(number) for number in content]


def _of_corruptions(each: NamedSet, right: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return what each image contributes to the mean accuracy and the mean corruption error."""
    accuracy = {
        corruption: [
            100.0 * right[f'{each.name}_{corruption}_{severity}'] for severity in each.severities
        ]
        for corruption in each.corruptions
    }
    error = mean_corruption_error(accuracy, ALEXNET if each.normalise else None)
    mean = np.mean(list(accuracy.values()), axis=(0, 1))
    return {f'robustness/{each.name}_mean_top1': mean, f'robustness/{each.name}_mce': error}
