"""Compare what a built data set gives with what its files hold, class by class."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np
from mmengine.dataset import BaseDataset
from PIL import Image

from mmmask.checks.coco import CocoFile, read_coco
from mmmask.checks.layouts import find_layout
from mmmask.checks.uses import Place, Use
from mmmask.datasets.load_image import BrokenImageError, LoadImageStrict
from mmmask.utils.errors import UserError
from mmmask.utils.picks import pick_evenly
from mmmask.utils.progress import Progress


@dataclass(frozen=True)
class Scan:
    """The thoroughness of a look into a data set.

    Attributes:
        opened: Images and label maps that are opened, evenly spread; None opens all.
        looked_for: Files that are looked for, evenly spread; None looks for all.
        progress: Makes a progress from a title and a total; None shows nothing.
    """

    opened: int | None = 8
    looked_for: int | None = 1000
    progress: Callable[[str, int], Progress] | None = None

    def each(self, title: str, items: Iterable, total: int) -> Iterable:
        """Yield the items, with progress."""
        progress = self.progress(title, total) if self.progress else None
        for item in items:
            yield item
            if progress is not None:
                progress.advance(1)


QUICK = Scan()
"""The scan before every run."""


@dataclass
class Found:
    """The content of a built data set.

    Attributes:
        images: Number of images.
        published: The published number of images; None where it is unknown.
        num_classes: Number of classes; None where only a list of labels tells of them.
        facts: Other numbers by name, as they are printed.
        notes: What is unusual but no error.
        sizes: Width and height of each opened image, in pixels.
        classes: What the labels are the ranks of: class folders, category ids, or names.
    """

    images: int
    published: int | None = None
    num_classes: int | None = None
    facts: dict[str, int] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    sizes: list[tuple[int, int]] = field(default_factory=list)
    classes: list = field(default_factory=list)

    def differs(self) -> str | None:
        """Return the sentence about another number of images than the published one, if it is."""
        if self.published is None or self.images == self.published:
            return None
        return f'{self.images:,} images, but the published split has {self.published:,}'


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
    picked = range(len(dataset))
    if not labelled and scan.looked_for is not None:
        picked = pick_evenly(picked, scan.looked_for)
    labels: Counter[int] = Counter()
    files = []
    for info in scan.each('images listed', map(dataset.get_data_info, picked), len(picked)):
        labels.update(_labels(info))
        files.append({key: info[key] for key in _OF_FILES if info.get(key) is not None})
    if 'instances' in first:
        _compare_objects(use, dataset, place, labels, found)
    elif labelled:
        _check_labels(use, labels, count or classes, bool(layout and layout.whole), found)
    if not place.elsewhere:
        if scan.looked_for is not None:
            looked_for = pick_evenly(files, scan.looked_for)
        else:
            looked_for = files
        _require_files(use, looked_for, scan)
        opened = files if scan.opened is None else pick_evenly(files, scan.opened)
        if 'img_path' in first:
            found.sizes = _open_images(opened, _reader(dataset), scan)
        if 'seg_map_path' in first and first['seg_map_path']:
            _check_label_maps(dataset, place, opened, found, scan)
    return found


_OF_FILES = ('img_path', 'seg_map_path', 'width', 'height')


def _labels(info: dict) -> list[int]:
    """Return the labels of an image: its class or classes, or its objects' that aren't crowds."""
    if 'instances' in info:
        return [o['bbox_label'] for o in info['instances'] if not o.get('ignore_flag')]
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


def _compare_objects(
    use: Use, dataset: BaseDataset, place: Place, labels: Counter, found: Found
) -> None:
    """Compare the objects of each class that arrive with those in the file."""
    names = list(dataset.metainfo.get('classes') or ())
    found.facts |= {'classes': len(names), 'objects': labels.total()}
    found.facts['classes with objects'] = len(labels)
    file, in_file = None, {}
    if place.ann_file is not None and place.reads_like('CocoDataset') and not place.elsewhere:
        file = read_coco(place.ann_file)
        _check_categories(file, names, dataset)
        in_file = {n: file.objects[key] for n, key in zip(names, dataset.cat_ids, strict=True)}
        found.images = file.images
        found.facts['images without objects'] = file.empty
        if file.lacking['segmentation']:
            shapeless = len(file.lacking['segmentation'])
            found.notes.append(f'{shapeless:,} objects without a mask (boxes only)')
        if file.beyond:
            found.notes.append(
                f'{file.beyond:,} of {file.annotations:,} boxes reach beyond their images: bbox '
                'must be x, y, width, height (not x1, y1, x2, y2)'
            )
    if not labels and (in_file or not dataset.test_mode) and sum(in_file.values()) > 0:
        raise UserError(
            f'none of the {sum(in_file.values()):,} objects in {file.path} arrives in the data of '
            f'{use}: bbox must be x, y, width, height in pixels, at least 1 x 1 and within the '
            'image, and area above 0'
        )
    lost = {n: there - labels[k] for k, (n, there) in enumerate(in_file.items())}
    lost = {name: count for name, count in lost.items() if count > 0}
    if lost:
        worst = sorted(lost, key=lost.get, reverse=True)[:3]
        of_each = ', '.join(f'{lost[name]:,} of {in_file[name]:,} of {name!r}' for name in worst)
        found.notes.append(
            f'{sum(lost.values()):,} of {sum(in_file.values()):,} objects are left out (outside '
            f'of their image, of no area, or of an image that is filtered): {of_each}'
        )


def _check_categories(file: CocoFile, names: Sequence[str], dataset: BaseDataset) -> None:
    """Compare a file's categories with the names of the labels, as the data set took them."""
    there = list(file.categories.values())
    missing = [name for name in names if name not in there]
    if missing:
        raise UserError(
            f'{file.path} has no category {missing[0]!r} ({len(missing)} of the {len(names)} '
            f'names in metainfo.classes are missing; the file has {len(there)}, such as '
            f'{there[0]!r})'
        )
    surplus = [name for name in there if name not in names]
    if surplus and not dataset.metainfo.get('subset'):
        raise UserError(
            f'{file.path} has {len(there)} categories, but metainfo.classes names {len(names)}: '
            f'{surplus[0]!r} is left out (to learn only some of the categories, set '
            'metainfo.subset=True in the data set)'
        )
    taken = [file.categories[key] for key in dataset.cat_ids]
    if len(taken) != len(names):
        twice = next(name for name in taken if taken.count(name) > 1)
        raise UserError(
            f'{file.path} has several categories of the name {twice!r}: the {len(taken)} labels '
            f'would not be the {len(names)} classes. Rename or remove one'
        )
    for label, (theirs, ours) in enumerate(zip(taken, names, strict=True)):
        if theirs != ours:
            raise UserError(
                f'{file.path} lists its categories in another order than metainfo.classes: label '
                f'{label} would be {theirs!r} in the file and {ours!r} in the config'
            )


def _require_files(use: Use, infos: Sequence[dict], scan: Scan) -> None:
    """Refuse absent images and label maps."""
    for key, what in (('img_path', 'images'), ('seg_map_path', 'label maps')):
        paths = [info[key] for info in infos if key in info]
        looked_for = scan.each(f'{what} looked for', paths, len(paths))
        if absent := [path for path in looked_for if not os.path.isfile(path)]:
            raise UserError(
                f'{len(absent)} of {len(paths)} {what} of {use} that were looked for are absent, '
                f'first: {absent[0]}'
            )


def _reader(dataset: BaseDataset) -> LoadImageStrict:
    """Return the reader in a data set's pipeline, or such a one."""
    steps = dataset.pipeline.transforms
    return next((step for step in steps if isinstance(step, LoadImageStrict)), LoadImageStrict())


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


def _check_label_maps(
    dataset: BaseDataset, place: Place, infos: Sequence[dict], found: Found, scan: Scan
) -> None:
    """Compare the values of label maps with the classes, and their sizes with the images'."""
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


def _read_label_map(path: str | Path) -> np.ndarray:
    """Return the values of a label map, ``(H, W)``."""
    try:
        with Image.open(path) as image:
            labels = np.asarray(image)
    except (OSError, SyntaxError) as error:
        raise UserError(f'{path} is not a readable label map ({error})') from error
    if labels.ndim != 2:
        raise UserError(f'{path} is no label map: it has {labels.shape[-1]} channels, not one')
    return labels
