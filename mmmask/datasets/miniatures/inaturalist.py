"""iNaturalist 2018 and 2019: json files that name every category, images of twelve of them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import partial

from mmmask.datasets.materials import MATERIALS
from mmmask.datasets.miniatures.material import Files, class_of_materials, photo

SIZE = 64
NUM_CATEGORIES = {2018: 8142, 2019: 1010}
PER_CATEGORY = {'train': 2, 'val': 1}
SUPERCATEGORIES = {
    2018: (
        'Actinopterygii', 'Amphibia', 'Animalia', 'Arachnida', 'Aves', 'Bacteria', 'Chromista',
        'Fungi', 'Insecta', 'Mammalia', 'Mollusca', 'Plantae', 'Protozoa', 'Reptilia',
    ),
    2019: ('Amphibians', 'Birds', 'Fungi', 'Insects', 'Plants', 'Reptiles'),
}  # fmt: skip


def files(year: int) -> Files:
    """Every file of one year's miniature."""
    found: Files = {'categories.json': partial(_names, year)}
    for split in PER_CATEGORY:
        found[f'{split}{year}.json'] = partial(_annotations, year, split)
        for _, name, material, index in _images(year, split):
            found[name] = partial(photo, material, split, index, SIZE)
    return found


def _supercategory(year: int, category: int) -> str:
    names = SUPERCATEGORIES[year]
    return names[category * len(names) // NUM_CATEGORIES[year]]


def _images(year: int, split: str) -> Iterator[tuple[int, str, int, int]]:
    """Category, file name, material and index of each image."""
    for material, category in enumerate(class_of_materials(NUM_CATEGORIES[year]).tolist()):
        folder = f'train_val{year}/{_supercategory(year, category)}/{category}'
        for index in range(PER_CATEGORY[split]):
            yield category, f'{folder}/{split}_{material:02d}_{index}.jpg', material, index


def _annotations(year: int, split: str) -> bytes:
    """``{train,val}<year>.json``; categories are named by their ids there, as in 2018's."""
    first = 1 if split == 'train' else 100_001
    entries = list(enumerate(_images(year, split), start=first))
    content = dict(
        info=dict(description=f'miniature of iNaturalist {year} from material scenes', year=year),
        images=[
            dict(id=i, file_name=name, width=SIZE, height=SIZE) for i, (_, name, *_) in entries
        ],
        annotations=[dict(id=i, image_id=i, category_id=c) for i, (c, *_) in entries],
        categories=[
            dict(id=category, name=str(category), supercategory=_supercategory(year, category))
            for category in range(NUM_CATEGORIES[year])
        ],
    )
    return json.dumps(content).encode()


def _names(year: int) -> bytes:
    """``categories.json``: the shown ones are named after their materials."""
    shown = dict(zip(class_of_materials(NUM_CATEGORIES[year]).tolist(), MATERIALS, strict=True))
    content = [
        dict(
            id=category,
            name=shown.get(category, f'species {category}'),
            supercategory=_supercategory(year, category),
        )
        for category in range(NUM_CATEGORIES[year])
    ]
    return json.dumps(content).encode()
