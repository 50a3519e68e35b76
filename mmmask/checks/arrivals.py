"""Compare what a built data set gives with what its files hold, class by class."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import numpy as np
from mmengine.dataset import BaseDataset

from mmmask.checks.found import QUICK, Found, Scan
from mmmask.checks.label_maps import check_label_maps
from mmmask.checks.layouts import find_layout
from mmmask.checks.objects import compare_objects
from mmmask.checks.uses import Place, Use
from mmmask.datasets.load_image import BrokenImageError, LoadImageStrict, find_reader
from mmmask.datasets.tars import is_file
from mmmask.utils.errors import UserError
from mmmask.utils.picks import pick_evenly

_OF_FILES = ('img_path', 'seg_map_path', 'width', 'height')


def look_into(
    use: Use, dataset: BaseDataset, place: Place, scan: Scan = QUICK, classes: int | None = None
) -> Found:
    """Count what a built data set gives, and open a sample of it.

    Args:
        use: What the data set is for, as messages say it.
        dataset: The data set, as the run uses it.
        place: Where its config says that it is.
        scan: How thorough to be.
        classes: Classes of the model, for labels of a data set that has no number of its own.

    Raises:
        UserError: Nothing arrives, a label isn't one of the classes, files are absent or broken, or
            an image has another size than its annotations say.
    """
    if not len(dataset):
        raise UserError(f'the data of {use} hold no images that it would use')
    names = dataset.metainfo.get('classes')
    layout = find_layout(place)
    count = len(names) if names else layout.num_classes if layout else None
    found = Found(len(dataset), layout and layout.published_images(place, count), count)
    first = dataset.get_data_info(0)
    labelled = bool({'gt_label', 'instances'} & set(first))
    if labelled:
        # INaturalist's category ids, or the names of class folders, or those of the classes
        ranked = getattr(dataset, 'categories', None) or getattr(dataset, 'folder_to_idx', None)
        found.classes = list(ranked or names or ())
    labels: Counter[int] = Counter()
    every = range(len(dataset)) if labelled else ()
    for info in scan.each('labels counted', map(dataset.get_data_info, every), len(every)):
        labels.update(_labels(info))
    if 'instances' in first:
        compare_objects(use, dataset, place, labels, found)
    elif labelled:
        whole = bool(layout and layout.whole and not place.config.get('indices'))
        _check_labels(use, labels, count or classes, whole, found)
    if not place.elsewhere:
        picked = pick_evenly(range(len(dataset)), scan.looked_for)
        files = [
            {key: info[key] for key in _OF_FILES if info.get(key) is not None}
            for info in map(dataset.get_data_info, picked)
        ]
        _require_files(use, files, scan)
        opened = pick_evenly(files, scan.opened)
        if 'img_path' in first:
            found.sizes = _open_images(opened, find_reader(dataset.pipeline.transforms), scan)
        if first.get('seg_map_path') and hasattr(dataset, 'reduce_zero_label'):  # mmseg's
            check_label_maps(dataset, place, opened, found, scan)
    return found


def _labels(info: dict) -> list[int]:
    """Return the labels of an image: its class or classes, or its objects' that aren't crowds."""
    if 'instances' in info:
        return [o.get('bbox_label') for o in info['instances'] if not o.get('ignore_flag')]
    label = info.get('gt_label', ())
    return [label] if isinstance(label, (int, np.integer)) else list(label)


def _check_labels(
    use: Use, labels: Counter[int], count: int | None, whole: bool, found: Found
) -> None:
    """Compare the labels of images with the number of classes, of which all may need images."""
    found.facts['classes'] = found.num_classes or len(labels)
    strange = [label for label in labels if not 0 <= label < (count or max(labels) + 1)]
    if strange:
        raise UserError(
            f'the data of {use} have label {strange[0]}, but {count} classes have labels 0 to '
            f'{count - 1}'
        )
    if absent := sorted(set(range(count or 0)) - set(labels)):
        note = f'{len(absent):,} of {count:,} classes have no image, such as label {absent[0]}'
        if whole:
            raise UserError(f'the data of {use} are not whole: {note}')
        found.notes.append(note)


def _require_files(use: Use, infos: Sequence[dict], scan: Scan) -> None:
    """Refuse absent images and label maps."""
    for key, what in (('img_path', 'images'), ('seg_map_path', 'label maps')):
        paths = [info[key] for info in infos if key in info]
        looked_for = scan.each(f'{what} looked for', paths, len(paths))
        if absent := [path for path in looked_for if not is_file(path)]:
            raise UserError(
                f'{len(absent)} of {len(paths)} {what} of {use} that were looked for are absent, '
                f'first: {absent[0]}'
            )


def _open_images(
    infos: Sequence[dict], reader: LoadImageStrict, scan: Scan
) -> list[tuple[int, int]]:
    """Decode images as a run does; return the width and height of each.

    Raises:
        UserError: Some can't be decoded, or one has another size than its annotations say.
    """
    with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:
        opened = pool.map(partial(_size, reader), (info['img_path'] for info in infos))
        sizes = list(scan.each('images opened', opened, len(infos)))
    broken = [(info, size) for info, size in zip(infos, sizes) if isinstance(size, str)]
    if broken:
        info, reason = broken[0]
        raise UserError(
            f'{len(broken)} of {len(sizes)} images that were opened are broken, first: '
            f'{info["img_path"]} ({reason}): mend or replace them'
        )
    for info, size in zip(infos, sizes, strict=True):
        said = (info.get('width', size[0]), info.get('height', size[1]))
        if said != size:
            raise UserError(
                f'{info["img_path"]} has {size[0]} x {size[1]} pixels, but its annotations say '
                f'{said[0]} x {said[1]}: boxes and masks would not fit'
            )
    return sizes


def _size(reader: LoadImageStrict, path: str) -> tuple[int, int] | str:
    """Return the width and height of an image, or why it can't be decoded."""
    try:
        return reader.decode(path).shape[1::-1]
    except BrokenImageError as error:
        return error.reason
