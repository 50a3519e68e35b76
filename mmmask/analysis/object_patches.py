"""Measure the share of each patch that annotated objects cover."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from mmmask.datasets.object_masks import CocoOutlines
from mmmask.pictures import read_image
from mmmask.utils.errors import UserError
from mmmask.utils.picks import pick_evenly


def patch_coverage(mask: np.ndarray, grid: tuple[int, int]) -> np.ndarray:
    """Return the share of each patch that a mask covers, exactly.

    The image is stretched to the network's input, where patches form a regular grid. So patches are
    rectangles of the original, which may cut through its pixels.

    Args:
        mask: (H, W) bool, pixels of the original.
        grid: Rows h and columns w of patches.

    Returns:
        (h, w) float64 in [0, 1].
    """
    rows, columns = (_overlaps(length, parts) for length, parts in zip(mask.shape, grid))
    return rows @ mask.astype(np.float64) @ columns.T


def _overlaps(length: int, parts: int) -> np.ndarray:
    """(parts, length): what share of each of equal parts of a line each unit of it makes up."""
    edges = np.arange(parts + 1) * length / parts
    units = np.arange(length)
    first = np.maximum(edges[:-1, None], units)
    last = np.minimum(edges[1:, None], units + 1)
    return np.clip(last - first, 0, None) * parts / length


class ObjectPatches:
    """Images of a COCO file, in the order of their ids, with the patches that objects cover.

    Objects are those of `CocoOutlines`; overlapping ones count once.

    Args:
        annotations: File in COCO's format, with masks.
        images: Folder of the images.
        size: Side of the network's input; whole images are stretched to it, so no object is lost.
        grid: Rows and columns of its patches.
        limit: At most so many images.
        seed: Draw these at random (GPA's "few shots"); None: evenly spread over all.
        labelled: Count only objects of the image's label, as GPA annotates (Section 3.4). The label
            is the name of the folder that the image is in, as ImageNet has it, and of a category.
            False: objects of all categories count.

    Raises:
        UserError: If the file or the folder is missing, it isn't in COCO's format, nothing is
            annotated, or images are missing.
    """

    def __init__(
        self,
        annotations: str | Path,
        images: str | Path,
        size: int,
        grid: tuple[int, int],
        limit: int | None = None,
        seed: int | None = None,
        labelled: bool = False,
    ) -> None:
        self.size, self.grid = size, grid
        if not Path(annotations).is_file():
            raise UserError(f"--annotations: there is no file '{annotations}'.")
        if not Path(images).is_dir():
            raise UserError(f"--images: there is no folder '{images}'.")
        self._outlines = outlines = CocoOutlines(annotations, images)
        self._objects: dict[int, list[dict]] = {}
        for number, items in outlines.objects.items():
            label = outlines.image_path(number).parent.name
            items = [i for i in items if not labelled or outlines.category(i) == label]
            if items:
                self._objects[number] = items
        if not self._objects:
            raise UserError(
                f"No object of '{annotations}' is of its image's label: an image's folder must "
                "have a category's name."
            )
        ids = sorted(self._objects)
        if seed is not None and limit is not None and limit < len(ids):
            ids = sorted(np.random.default_rng(seed).choice(ids, limit, replace=False).tolist())
        self.ids = pick_evenly(ids, limit)
        outlines.check_files(self.ids)

    def __len__(self) -> int:
        return len(self.ids)

    def __iter__(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Images (size, size, 3) uint8, RGB, and the share of each patch (h, w) that is objects'.

        Raises:
            UserError: If an image can't be read, or isn't as large as its annotations say.
        """
        for number in self.ids:
            mask = self._outlines.masks(number, self._objects[number]).any(axis=0)
            path = self._outlines.image_path(number)
            image = read_image(path, oriented=False)  # outlines are of the file's own pixels
            if image.shape[:2] != mask.shape:
                raise UserError(
                    f"'{path}' has {image.shape[:2]} pixels, its annotations {mask.shape}."
                )
            side = (self.size, self.size)
            image = Image.fromarray(image).resize(side, Image.Resampling.BICUBIC)
            yield np.asarray(image), patch_coverage(mask, self.grid)
