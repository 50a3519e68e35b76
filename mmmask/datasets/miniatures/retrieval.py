"""Retrieval's data sets: twelve materials to train, where there is a training, and twelve to test.

Labels are spread over the published classes. All images of a class show one material.
"""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from functools import partial

import numpy as np

from mmmask.datasets.materials import MATERIALS
from mmmask.datasets.miniatures.flowers import mat
from mmmask.datasets.miniatures.material import Files, photo, pixels
from mmmask.datasets.writers import jpeg

SIZE = 48
STEP = 8
"""Classes between two materials."""

RELEVANT = dict(easy=2, hard=2, junk=1)
"""Database images of each query in revisited Oxford and Paris."""


def _classes(first_of_test: int, images: int) -> Iterator[tuple[int, int, str, int]]:
    """Yield material, class number, split and index of each image."""
    for split, first in (('train', 1), ('val', first_of_test)):
        for material in range(len(MATERIALS)):
            for index in range(images):
                yield material, first + STEP * material, split, index


def cub200() -> Files:
    """``images/<class>/<image>.jpg`` and two lists; four images of each class."""
    names, labels, found = [], [], {}
    for material, number, split, index in _classes(101, 4):
        name = f'{number:03d}.{MATERIALS[material]}/{split}_{index}.jpg'
        names.append(name)
        labels.append(number)
        found[f'images/{name}'] = partial(photo, material, split, index, SIZE)
    found['images.txt'] = partial(_numbered, names)
    found['image_class_labels.txt'] = partial(_numbered, labels)
    return found


def _numbered(values: list) -> bytes:
    return ''.join(f'{i} {value}\n' for i, value in enumerate(values, start=1)).encode()


def cars196() -> Files:
    """``car_ims/<number>.jpg`` and ``cars_annos.mat``; four images of each class."""
    names, labels, found = [], [], {}
    for material, number, split, index in _classes(99, 4):
        names.append(f'car_ims/{len(names) + 1:06d}.jpg')
        labels.append(number)
        found[names[-1]] = partial(photo, material, split, index, SIZE)
    return {**found, 'cars_annos.mat': partial(_cars, names, labels)}


def _cars(names: list[str], labels: list[int]) -> bytes:
    rows = [(name, label, int(label > 98)) for name, label in zip(names, labels)]
    fields = [(name, object) for name in ('relative_im_path', 'class', 'test')]
    return mat(dict(annotations=np.array(rows, dtype=fields)[None]))


def products() -> Files:
    """``Ebay_{train,test}.txt`` and a folder of products; four images of each class."""
    header = 'image_id class_id super_class_id path\n'
    lists, found = dict(train=header, val=header), {}
    for number, (material, label, split, index) in enumerate(_classes(11319, 4), start=1):
        name = f'fabric_final/{label}_{index}.JPG'
        lists[split] += f'{number} {label} 1 {name}\n'
        found[name] = partial(photo, material, split, index, SIZE)
    for split, name in (('train', 'train'), ('val', 'test')):
        found[f'Ebay_{name}.txt'] = lists[split].encode
    return found


def inshop() -> Files:
    """``Img/img`` and ``Eval/list_eval_partition.txt``; two queries and two answers an item."""
    rows, found = [], {}
    for material, item, split, index in _classes(101, 4):
        name = f'img/WOMEN/Fabric/id_{item:08d}/{index:02d}_1_front.jpg'
        status = 'train' if split == 'train' else ('query', 'gallery')[index % 2]
        rows.append(f'{name} id_{item:08d} {status}\n')
        found[f'Img/{name}'] = partial(photo, material, split, index, SIZE)
    header = f'{len(rows)}\nimage_name item_id evaluation_status\n'
    return {**found, 'Eval/list_eval_partition.txt': (header + ''.join(rows)).encode}


def revisited(name: str) -> Files:
    """``jpg/<name>.jpg`` and ``gnd_<name>.pkl``; images are wider than high."""
    count = sum(RELEVANT.values())
    queries = [f'{material}_query' for material in MATERIALS]
    images = [f'{material}_{i}' for material in MATERIALS for i in range(count)]
    found: Files = {f'gnd_{name}.pkl': partial(_truth, queries, images)}
    for material in range(len(MATERIALS)):
        found[f'jpg/{queries[material]}.jpg'] = partial(_wide, material, 0)
        for i in range(count):
            found[f'jpg/{images[material * count + i]}.jpg'] = partial(_wide, material, 1 + i)
    return found


def _wide(material: int, index: int) -> bytes:
    return jpeg(pixels(material, 'val', index, 2 * SIZE)[:SIZE], quality=85)


def _truth(queries: list[str], images: list[str]) -> bytes:
    count, truth = sum(RELEVANT.values()), []
    for material in range(len(queries)):
        ends = material * count + np.cumsum(list(RELEVANT.values()))
        lists = {
            key: list(range(end - RELEVANT[key], end)) for key, end in zip(RELEVANT, ends.tolist())
        }
        truth.append(dict(bbx=[8.0, 4.0, 88.0, 44.0], **lists))
    return pickle.dumps(dict(gnd=truth, imlist=images, qimlist=queries), protocol=2)
