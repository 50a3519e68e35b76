"""Places205: ``images256/<letter>/<scene>/<image>.jpg`` and two lists, ``<image>,<label>``.

Twelve of the 205 scenes have images, one material each.
"""

from __future__ import annotations

from functools import partial

from mmmask.datasets.materials import MATERIALS
from mmmask.datasets.miniatures.material import Files, class_of_materials, photo

SIZE = 48
COUNTS = dict(train=4, val=2)


def files() -> Files:
    """Every file of the miniature."""
    found: Files = {}
    for split, count in COUNTS.items():
        lines = []
        for material, label in enumerate(class_of_materials(205).tolist()):
            for index in range(count):
                name = MATERIALS[material]
                path = f'{name[0]}/{name}/gsun_{split}_{index}.jpg'
                found[f'images256/{path}'] = partial(photo, material, split, index, SIZE)
                lines.append(f'{path},{label}\n')
        found[f'trainvalsplit_places205/{split}_places205.csv'] = ''.join(lines).encode
    return found
