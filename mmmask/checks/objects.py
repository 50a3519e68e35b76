"""Compare the objects that a detection data set gives with those in its file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from mmengine.dataset import BaseDataset

from mmmask.checks.coco import CocoFile, check_coco
from mmmask.checks.found import Found
from mmmask.checks.uses import Place, Use
from mmmask.utils.errors import UserError


def compare_objects(
    use: Use, dataset: BaseDataset, place: Place, labels: Counter, found: Found
) -> None:
    """Compare the objects of each class that arrive with those in the file.

    Args:
        use: What the data set is for, as messages say it.
        dataset: The built data set.
        place: Where it is.
        labels: Number of its objects by label, without crowds.
        found: Gets the counts and notes.

    Raises:
        UserError: No object arrives, or the file's categories aren't the data set's classes.
    """
    names = list(dataset.metainfo.get('classes') or ())
    found.facts |= {'classes': len(names), 'objects': labels.total()}
    found.facts['classes with objects'] = len(labels)
    file, in_file = None, {}
    if place.ann_file is not None and place.reads_like('CocoDataset') and not place.elsewhere:
        file = check_coco(place)
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
