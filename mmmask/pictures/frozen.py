"""Draw what frozen features find: neighbours of queries, confused classes, a plane."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from mmengine.config import Config
from torch import Tensor
from torch.nn import functional as F
from torch.utils.data import Dataset

from mmmask.config.build import build_model, scope_of
from mmmask.evaluation.knn import iter_votes
from mmmask.evaluation.loader import build_loader
from mmmask.evaluation.reader import FeatureReader
from mmmask.probe.network import UNTRAINED
from mmmask.transfer import load_for_test
from mmmask.utils.errors import UserError
from mmmask.utils.picks import pick_evenly

from .feature_maps import draw_confusion, draw_plane, plane
from .figure import Sheet
from .files import read_image, read_square
from .ranking import SHOWN, Ranked, ranking_row
from .sheet import contact_sheet

_BANKS = ('bank_dataloader', 'database_dataloader', 'gallery_dataloader')


@dataclass(frozen=True)
class Searched:
    """The features (N, C) of a data set, and its labels (N,) if it has any."""

    dataset: Dataset
    features: Tensor
    labels: Tensor | None

    def image(self, index: int) -> np.ndarray:
        """Read the central square of an image, at most as large as it is shown."""
        path = self.dataset.get_data_info(index)['img_path']
        return read_square(path, min(SHOWN, *read_image(path).shape[:2]))

    def name(self, index: int) -> str:
        """Return the class of an image, or without labels its file's name."""
        if self.labels is None:
            return Path(self.dataset.get_data_info(index)['img_path']).stem
        label = int(self.labels[index])
        classes = self.dataset.metainfo.get('classes')
        return str(label) if classes is None else classes[label]


@dataclass(frozen=True)
class Frozen:
    """The features of the queries of a config, and of the bank that it searches.

    Attributes:
        bank: Images that are found; the queries themselves where they are searched among each
            other.
        queries: Images to search for.
        temperature: Of the votes of k-NN.
    """

    bank: Searched
    queries: Searched
    temperature: float

    def right(self, query: int, index: int) -> bool | None:
        """Return whether an image of the bank answers a query; None: it doesn't count (junk)."""
        if self.queries.labels is not None:
            return bool(self.queries.labels[query] == self.bank.labels[index])
        relevant = self.queries.dataset.relevant[query]
        return None if index in relevant['junk'] else index in relevant['easy'] + relevant['hard']

    def with_labels(self) -> Frozen:
        """Return this.

        Raises:
            UserError: If images have no labels.
        """
        if self.queries.labels is None:
            raise UserError('these images have no labels: give a config of k-NN')
        return self


def searches(config: Config) -> bool:
    """Return whether a config searches a bank, a database or a gallery: k-NN and retrieval."""
    test = config.get('test_cfg') or {}
    return test.get('type') == 'RecallLoop' or any(name in test for name in _BANKS)


def read_frozen(
    config: Config,
    checkpoint: str,
    features_dir: str | Path | None = None,
    seed: int = 0,
    source: str = 'auto',
) -> Frozen:
    """Read the features of a config's queries, and of the bank that it searches.

    Args:
        config: A config of k-NN or retrieval.
        checkpoint: Any pre-training checkpoint; 'none': an untrained network.
        features_dir: Folder of features that tests have kept; None: they are computed.
        seed: Seed of an untrained network.
        source: Network of a self-distillation.

    Raises:
        UserError: If the config has no bank, the checkpoint doesn't fit, or data are missing.
    """
    if not searches(config):
        raise UserError(
            'the config searches no bank of images: give one of k-NN or retrieval, e.g. '
            'configs/frozen/knn_vit-small-p16_in1k.py'
        )
    test = config.test_cfg
    read = dict(
        token=test.get('feature', test.get('token', 'cls')),
        layer=test.get('layer', -1),
        n_blocks=test.get('n_blocks', 1),
    )
    with scope_of(config), torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = build_model(config)
        if checkpoint == UNTRAINED:
            model.init_weights()
        else:
            load_for_test(model, checkpoint, source)
        model.eval()
        features = FeatureReader(model, config, features_dir)

        def searched(loader: dict, name: str) -> Searched:
            built = build_loader(None, loader)
            found = features(built, name, **read)
            return Searched(built.dataset, *found)

        queries = searched(config.test_dataloader, 'queries')
        banks = [test[name] for name in _BANKS if test.get(name)]
        bank = searched(banks[0], 'bank') if banks else queries
    return Frozen(bank, queries, test.get('temperature', 0.07))


def neighbours_sheet(found: Frozen, count: int = 8, k: int = 8) -> Sheet:
    """Draw queries, evenly spread, with the images that come first, framed by right and wrong.

    Args:
        found: The features.
        count: Queries.
        k: Images of each.
    """
    bank, queries = (F.normalize(part.features, dim=1) for part in (found.bank, found.queries))
    rows = []
    for query in pick_evenly(range(len(queries)), count):
        cosines = queries[query] @ bank.T
        order = cosines.argsort(descending=True, stable=True).tolist()
        if found.bank is found.queries:
            order.remove(query)
        ranked = []
        for index in order[:k]:
            words = f'{found.bank.name(index)[:12]} {cosines[index]:.3f}'
            ranked.append(Ranked(found.bank.image(index), words, found.right(query, index)))
        answers = (found.right(query, index) for index in order)
        counted = (answer for answer in answers if answer is not None)
        first = next((rank for rank, answer in enumerate(counted, start=1) if answer), None)
        label = 'none is right' if first is None else f'first right: {first}'
        name = found.queries.name(query)[:14]
        rows.append(ranking_row(found.queries.image(query), label, name, ranked))
    columns = ['query', *(f'{n}' for n in range(1, min(k, len(bank)) + 1))]
    what = 'building' if found.queries.labels is None else 'class'
    caption = (
        'Queries, evenly spread and not chosen by result, and the images with the nearest '
        f'features, by their cosine. Green: of the same {what}. Red: of another. Grey: not counted '
        '(junk). Beside each row, the rank of the first right one; junk has no rank.'
    )
    return Sheet('neighbours', 'Nearest neighbours', caption, contact_sheet(columns, rows))


def confusion_sheet(found: Frozen, k: int | None = None) -> Sheet:
    """Draw which classes k-NN takes for which.

    Args:
        found: The features.
        k: Neighbours; None: 20, or the whole bank if it is smaller.
    """
    found = found.with_labels()
    k = k or min(20, len(found.bank.labels))
    classes = found.queries.dataset.metainfo['classes']
    number = len(classes)
    parts = found.bank.features, found.bank.labels, found.queries.features
    blocks = iter_votes(*parts, number, k, found.temperature)
    predicted = torch.cat([votes[k].argmax(dim=1) for votes in blocks])
    truth = found.queries.labels
    counts = torch.bincount(truth * number + predicted, minlength=number**2).view(number, number)
    right = 100 * float((predicted == truth).double().mean())
    caption = f'What k-NN (k = {k}) takes the images of each class for: {right:.1f} % are right.'
    picture = draw_confusion(counts.numpy(), classes)
    return Sheet('confusion', 'Confusion', caption, picture)


def plane_sheet(found: Frozen, method: str = 'pca', most: int = 3000) -> Sheet:
    """Draw the queries in a plane, coloured by class.

    Args:
        found: The features.
        method: See `plane`.
        most: At most so many images, evenly spread.
    """
    found = found.with_labels()
    chosen = pick_evenly(range(len(found.queries.labels)), most)
    points, names = plane(found.queries.features[chosen].numpy(), method)
    labels = found.queries.labels[chosen].numpy()
    how = 'the first two principal components' if method == 'pca' else 'UMAP'
    caption = f'{len(chosen)} images by {how} of their L2-normalised features.'
    picture = draw_plane(points, names, labels, found.queries.dataset.metainfo['classes'])
    return Sheet('plane', 'Features in a plane', caption, picture)
