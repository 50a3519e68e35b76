"""iNaturalist 2018 and 2019 as they are published."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from mmpretrain.datasets import BaseDataset
from mmpretrain.registry import DATASETS

from mmmask.utils.errors import UserError

SPLITS = ('train', 'val')
YEARS = (2018, 2019)


@DATASETS.register_module()
class INaturalist(BaseDataset):
    """Images and species of one year's competition, from its COCO-like json files.

    The folder holds what the competition's archives unpack to::

        train2018.json, val2018.json          images, annotations and categories
        categories.json                       names of the categories (optional)
        train_val2018/<supercategory>/<category id>/<name>.jpg

    Labels are the ranks of the category ids, 0 to 8141 (2018) or 1009 (2019). Names come from
    ``categories.json`` if it is there, else from the split's own file.

    Args:
        data_root: The folder.
        year: 2018 or 2019.
        split: ``'train'`` or ``'val'``; the test images have no public labels.
        num_classes: Classes that the model has; another number in the file is an error. None: any.
        **kwargs: As in mmpretrain's ``BaseDataset``; ``test_mode`` is true for ``'val'`` by
            default.

    Raises:
        UserError: If a file is missing or no such json, or an image has no annotation or two. Also
            for another number of classes, or if the first image of a class isn't there.
    """

    def __init__(
        self,
        data_root: str,
        year: int = 2018,
        split: str = 'train',
        num_classes: int | None = None,
        **kwargs: Any,
    ) -> None:
        if year not in YEARS:
            raise UserError(f'iNaturalist: year must be one of {YEARS}, got {year!r}')
        if split not in SPLITS:
            raise UserError(f'iNaturalist: split must be one of {SPLITS}, got {split!r}')
        self.year, self.split, self.num_classes = year, split, num_classes
        kwargs = {'test_mode': split == 'val', **kwargs}
        super().__init__(ann_file=f'{split}{year}.json', data_root=data_root, **kwargs)

    def load_data_list(self) -> list[dict]:
        """Paths and labels, in the order of the file's images."""
        content = _read(Path(self.ann_file))
        try:
            categories = sorted(entry['id'] for entry in content['categories'])
            annotations = [(a['image_id'], a['category_id']) for a in content['annotations']]
            images = [(image['id'], image['file_name']) for image in content['images']]
        except (KeyError, TypeError) as error:
            raise UserError(
                f"{self.ann_file} is not one of iNaturalist's json files ({error!r})"
            ) from error
        if not images:
            raise UserError(f'{self.ann_file} holds no images')
        if self.num_classes not in (None, len(categories)):
            raise UserError(
                f'{self.ann_file} has {len(categories)} categories, but num_classes is '
                f'{self.num_classes}'
            )
        self._metainfo.setdefault('classes', self._names(content['categories'], categories))
        species = dict(annotations)
        if len(species) != len(annotations):
            raise UserError(f'{self.ann_file} annotates an image more than once')
        self.categories = categories  # ids, in the order of the labels
        labels = {category: label for label, category in enumerate(categories)}
        samples = []
        for identity, name in images:
            category = species.get(identity)
            if category not in labels:
                unnamed = f'is of category {category}, which is not named'
                reason = 'has no annotation' if category is None else unnamed
                raise UserError(f'{self.ann_file}: image {name} {reason}')
            path = str(Path(self.data_root, name))
            samples.append(dict(img_path=path, gt_label=labels[category]))
        self._look_for_images(samples)
        return samples

    def _names(self, entries: list[dict], categories: list[int]) -> tuple[str, ...]:
        """Names in the order of the labels."""
        path = Path(self.data_root, 'categories.json')
        if path.is_file():
            entries = _read(path)
        try:
            names = {entry['id']: str(entry['name']) for entry in entries}
            return tuple(names[category] for category in categories)
        except (KeyError, TypeError) as error:
            raise UserError(f'{path} does not name every category ({error!r})') from error

    def _look_for_images(self, samples: list[dict]) -> None:
        """The first image of each class must be there: an archive may be missing or elsewhere."""
        first = {sample['gt_label']: sample['img_path'] for sample in reversed(samples)}
        missing = [path for path in first.values() if not Path(path).is_file()]
        if missing:
            raise UserError(
                f'{len(missing)} of the {len(first)} classes of {self.ann_file} lack their first '
                f'image, such as {missing[-1]}: unpack train_val{self.year} into {self.data_root}'
            )


def _read(path: Path) -> Any:
    """Content of a json file."""
    try:
        return json.loads(path.read_text())
    except FileNotFoundError:
        raise UserError(f'the annotation file does not exist: {path}') from None
    except (OSError, ValueError) as error:
        raise UserError(f'{path} is not a json file ({error!r})') from error
