"""Compare label maps with the classes of a segmentation data set and with the images."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from mmengine.dataset import BaseDataset
from PIL import Image

from mmmask.checks.found import Found, Scan
from mmmask.checks.uses import Place
from mmmask.utils.errors import UserError


def check_label_maps(
    dataset: BaseDataset, place: Place, infos: Sequence[dict], found: Found, scan: Scan
) -> None:
    """Compare the values of label maps with the classes, and their sizes with the images'.

    Args:
        dataset: The built data set.
        place: Where it is.
        infos: What the data set says of each image of the sample.
        found: Has the images' sizes; gets the counts and notes.
        scan: Its progress.

    Raises:
        UserError: A map isn't readable, has another size, or values that stand for no class; or all
            hold ignored pixels only.
    """
    builtin = dataset.METAINFO.get('classes') or dataset.metainfo['classes']
    first, ignored = int(dataset.reduce_zero_label), dataset.ignore_index
    last = first + len(builtin) - 1  # a map holds all classes, also where some are chosen
    seen: set[int] = set()
    others: set[int] = set()
    pairs = list(zip(infos, found.sizes, strict=True))
    for info, size in scan.each('label maps read', pairs, len(pairs)):
        path = info['seg_map_path']
        labels = _read_label_map(path)
        if labels.shape[::-1] != size:
            raise UserError(
                f'{path} has {labels.shape[1]} x {labels.shape[0]} pixels, but its image '
                f'{info["img_path"]} {size[0]} x {size[1]}'
            )
        values = set(np.unique(labels).tolist())
        strange = values - set(range(first, last + 1)) - {ignored, *range(first)}
        if strange:
            raise UserError(
                f'{path} has label {max(strange)}, but num_classes={len(builtin)} allows {first} '
                f'to {last} (and ignores {sorted({ignored, *range(first)})})'
            )
        if max(values) > 255:
            raise UserError(
                f'{path} has label {max(values)}, but mmseg reads label maps of 8 bits: it would '
                f'take {max(values) % 256} for it'
            )
        if 'ADE20KDataset' in place.family and first and 255 in values:
            raise UserError(
                f"{path} has label 255, which ADE20K's published maps haven't: they were reduced "
                'already (0 = wall). Take the published ones, or set reduce_zero_label=False in '
                'the data sets and in LoadAnnotations'
            )
        seen |= values & set(range(first, last + 1))
        others |= values - seen
    hidden = 'CityscapesDataset' in place.family and place.images.name == 'test'
    if not seen and not hidden:  # the labels of Cityscapes' test split aren't published
        raise UserError(
            f'the label maps that were read, such as {pairs[0][0]["seg_map_path"]}, hold only '
            'ignored pixels: check reduce_zero_label'
        )
    found.facts |= {'label maps read': len(pairs), 'classes in them': len(seen)}
    if len(seen) == 1 < len(builtin) and ignored in others:
        found.notes.append(
            f'the label maps that were read hold only {min(seen)} and {ignored}, which is '
            'ignored: if it stands for a class, give it a value of its own'
        )


def _read_label_map(path: str) -> np.ndarray:
    """Return the values of a label map, ``(H, W)``."""
    try:
        with Image.open(path) as image:
            labels = np.asarray(image)
    except (OSError, SyntaxError) as error:
        raise UserError(f'{path} is not a readable label map ({error})') from error
    if labels.ndim != 2:
        raise UserError(f'{path} is no label map: it has {labels.shape[-1]} channels, not one')
    return labels
