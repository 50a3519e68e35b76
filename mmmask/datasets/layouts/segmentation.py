"""ADE20K, Cityscapes and others of mmseg's layout: images, and label maps beside them."""

from __future__ import annotations

from pathlib import Path

from PIL import Image

from mmmask.datasets.checks import check_folder, check_label_map
from mmmask.datasets.layouts.scan import Found, Scan, open_images
from mmmask.utils.errors import UserError
from mmmask.utils.files import list_images

ADE20K_TREE = """
<data_root>/                                    usually ADEChallengeData2016
  images/training/ADE_train_*.jpg               20210 images
  images/validation/ADE_val_*.jpg               2000 images
  annotations/training/ADE_train_*.png          0 = other (ignored), 1 to 150 = the classes
  annotations/validation/ADE_val_*.png
"""

CITYSCAPES_TREE = """
<data_root>/
  leftImg8bit/train/<city>/*_leftImg8bit.png            2975 images
  leftImg8bit/val/<city>/*_leftImg8bit.png              500 images
  gtFine/train/<city>/*_gtFine_labelTrainIds.png        0 to 18 = the classes, 255 = ignored
  gtFine/val/<city>/*_gtFine_labelTrainIds.png
"""

TREE = """
<data_root>/
  <data_prefix.img_path>/.../<name><img_suffix>
  <data_prefix.seg_map_path>/.../<name><seg_map_suffix>     one channel, values = classes
"""

PUBLISHED = {
    'ADE20KDataset': {'training': 20_210, 'validation': 2_000},
    'CityscapesDataset': {'train': 2_975, 'val': 500, 'test': 1_525},
}

TRAIN_IDS = '_gtFine_labelTrainIds.png'
RAW_LABELS = ('_gtFine_labelIds.png', '_gtFine_polygons.json')


def check_segmentation(
    images: Path,
    maps: Path,
    suffixes: tuple[str, str],
    num_classes: int,
    reduce_zero_label: bool,
    scan: Scan,
    ann_file: Path | None = None,
    ignore_index: int = 255,
    kind: str = '',
) -> Found:
    """Images with label maps of the same names.

    Args:
        images: Folder of the images.
        maps: Folder of the label maps.
        suffixes: Endings of the images' and of the maps' names.
        num_classes: Classes that the maps' values stand for.
        reduce_zero_label: Whether value 0 is ignored and k stands for class k - 1.
        scan: How thorough to be.
        ann_file: List of names without endings; None takes all images.
        ignore_index: Value of pixels that don't count.
        kind: Name of the data set's class, for the published number and what it is known to need.

    Raises:
        UserError: Images or maps are missing or broken, a map has another size than its image or
            values that stand for nothing, or only ignored pixels.
    """
    _check_train_ids(maps, suffixes[1])
    pairs = _pairs(images, maps, suffixes, ann_file)
    there = set(list_images(maps, (suffixes[1],)))
    absent = [path for _, path in pairs if path not in there]
    if absent:
        raise UserError(
            f'{len(absent)} of {len(pairs)} images in {images} have no label map, first absent: '
            f'{absent[0]}'
        )
    found = Found(len(pairs), PUBLISHED.get(kind, {}).get(images.name))
    picked = scan.pick(pairs)
    found.sizes = open_images([image for image, _ in picked], scan)
    seen: set[int] = set()
    ignored: set[int] = set()
    for (image, path), size in scan.each('label maps read', list(zip(picked, found.sizes))):
        classes, others = check_label_map(path, num_classes, reduce_zero_label, ignore_index)
        _check_map(path, image, size)
        if kind == 'ADE20KDataset' and reduce_zero_label and 255 in others:
            raise UserError(
                f"{path} has label 255, which ADE20K's published maps haven't: they were reduced "
                'already (0 = wall). Take the published ones, or set reduce_zero_label=False in '
                'the data sets and in LoadAnnotations'
            )
        seen |= classes
        ignored |= others
    hidden = kind == 'CityscapesDataset' and images.name == 'test'  # its labels aren't published
    if not seen and not hidden:
        raise UserError(
            f'the label maps in {maps} hold only ignored pixels: check reduce_zero_label'
        )
    found.facts = {'label maps': len(pairs), 'label maps read': len(picked)}
    found.facts['classes in them'] = len(seen)
    if len(seen) == 1 < num_classes and ignore_index in ignored:
        found.notes.append(
            f'the label maps that were read hold only {min(seen)} and {ignore_index}, which is '
            'ignored: if it stands for a class, give it a value of its own'
        )
    more = len(there) - len(pairs) if ann_file is None else 0
    if more > 0:
        found.notes.append(f'{more:,} label maps in {maps} without an image')
    return found


def _pairs(
    images: Path, maps: Path, suffixes: tuple[str, str], ann_file: Path | None
) -> list[tuple[Path, Path]]:
    """Images and where their label maps should be."""
    suffix = suffixes[0]
    if ann_file is not None:
        names = [line.strip() for line in ann_file.read_text().splitlines()]
        if not names:
            raise UserError(f'{ann_file} is empty')
    else:
        check_folder(images, f'images (*{suffix})', (suffix.lower(),))
        names = [
            path.relative_to(images).as_posix().removesuffix(suffix)
            for path in sorted(list_images(images, (suffix,)))
            if path.name.endswith(suffix)
        ]
        if not names:
            raise UserError(f'no images in {images} end in {suffix} exactly: mmseg minds the case')
    check_folder(maps, f'label maps (*{suffixes[1]})', (suffixes[1].lower(),))
    return [(images / f'{name}{suffix}', maps / f'{name}{suffixes[1]}') for name in names]


def _check_train_ids(maps: Path, suffix: str) -> None:
    """Cityscapes publishes other label maps than those that are trained with."""
    if suffix != TRAIN_IDS or not maps.is_dir() or any(list_images(maps, (suffix,))):
        return
    if any(list_images(maps, RAW_LABELS)):
        raise UserError(
            f'{maps} has no *{TRAIN_IDS}, only the published labels: make them with pip install '
            'cityscapesscripts; CITYSCAPES_DATASET=<data_root> csCreateTrainIdLabelImgs (or '
            "mmseg's tools/dataset_converters/cityscapes.py <data_root>)"
        )


def _check_map(path: Path, image: Path, size: tuple[int, int]) -> None:
    """A label map must have the size of its image."""
    with Image.open(path) as labels:
        if labels.size != size:
            raise UserError(
                f'{path} has {labels.size[0]} x {labels.size[1]} pixels, but its image {image} '
                f'{size[0]} x {size[1]}'
            )
