"""Read images with the masks of their objects: COCO files, and VOC's label maps."""

from __future__ import annotations

import contextlib
import io
import json
from abc import abstractmethod
from pathlib import Path

import numpy as np
import torch
from mmpretrain.registry import DATASETS
from mmpretrain.structures import DataSample
from PIL import Image
from scipy import ndimage
from torch.utils.data import Dataset

from mmmask.datasets.load_image import LoadImageStrict
from mmmask.utils.errors import UserError, check_choice, explained


class CocoOutlines:
    """The objects of a COCO file, image by image.

    An object is any annotation that isn't a crowd (``iscrowd``). An annotation without an outline
    is no object's.

    Args:
        annotations: File in COCO's format, with masks.
        folder: Folder of the images.

    Attributes:
        images: Image id -> its entry of the file.
        objects: Image id -> its objects; images without objects aren't there.

    Raises:
        UserError: If the file isn't in COCO's format, or nothing is annotated.
    """

    def __init__(self, annotations: str | Path, folder: str | Path) -> None:
        self.path, self.folder = annotations, Path(folder)
        self._coco = coco = _read_coco(annotations)
        self.images: dict[int, dict] = coco.imgs
        objects = [item for item in coco.dataset['annotations'] if item.get('segmentation')]
        objects = [item for item in objects if not item.get('iscrowd')]
        if not objects:
            raise UserError(f"'{annotations}' has no object with a mask (crowds don't count).")
        unknown = sorted({item['image_id'] for item in objects} - set(self.images))
        if unknown:
            raise UserError(f"'{annotations}' annotates image {unknown[0]}, which it doesn't list.")
        self.objects: dict[int, list[dict]] = {}
        for item in objects:
            self.objects.setdefault(item['image_id'], []).append(item)

    def image_path(self, number: int) -> Path:
        """Return the file of an image."""
        return self.folder / self.images[number]['file_name']

    def category(self, item: dict) -> str | None:
        """Return the name of an object's category, if it has one."""
        return self._coco.cats.get(item.get('category_id'), {}).get('name')

    def masks(self, number: int, objects: list[dict]) -> np.ndarray:
        """Return the masks of objects of an image, (K, H, W) bool."""
        listed = self.images[number]
        masks = np.zeros((len(objects), listed['height'], listed['width']), bool)
        for mask, item in zip(masks, objects):
            mask[:] = self._coco.annToMask(item)
        return masks

    def check_files(self, numbers: list[int]) -> None:
        """Check that images are there.

        Raises:
            UserError: If one is missing.
        """
        names = [self.images[n]['file_name'] for n in numbers if not self.image_path(n).is_file()]
        if names:
            more = f' and {len(names) - 1} others' if len(names) > 1 else ''
            raise UserError(f"'{names[0]}'{more} of '{self.path}' isn't in '{self.folder}'.")


def _read_coco(path: str | Path):
    from pycocotools.coco import COCO

    try:
        content = json.loads(Path(path).read_text())
        coco = COCO()
        coco.dataset = {'annotations': [], **content}
        with contextlib.redirect_stdout(io.StringIO()):  # it talks
            coco.createIndex()
        wanted = ('file_name', 'height', 'width')
        assert coco.imgs and all(key in item for item in coco.imgs.values() for key in wanted)
    except (AssertionError, AttributeError, KeyError, TypeError, ValueError) as error:
        raise UserError(
            f"'{path}' isn't in COCO's format: a JSON file of images (file_name, height, width) "
            'and annotations.'
        ) from error
    return coco


class ObjectMasks(Dataset):
    """Images with masks and boxes of their objects, stretched to squares.

    An item has ``inputs`` (3, S, S) uint8, BGR, and a sample with

    - ``masks`` (K, S, S) bool, resized to the nearest pixel;
    - ``boxes`` (M, 4) of single objects: x1, y1, x2, y2 in the square's pixels, exclusive ends.

    An image may have no object.

    Args:
        size: Side S of the squares, a multiple of the patch size. Published numbers have 512.
        by: ``'class'``: a mask has all objects of one class (Naseer et al. 2021). ``'object'``: a
            mask has one object.
    """

    def __init__(self, size: int = 512, by: str = 'class') -> None:
        check_choice('by', by, ('class', 'object'))
        self.size, self.by = size, by
        self._load = LoadImageStrict(color_type='color_ignore_orientation')

    def full_init(self) -> None:
        """Do nothing: files are listed when the data set is made. Loaders call it."""

    @abstractmethod
    def __len__(self) -> int:
        """Return the number of images."""

    @abstractmethod
    def image_path(self, index: int) -> Path:
        """Return the file of an image."""

    @abstractmethod
    def objects(self, index: int) -> tuple[np.ndarray, list]:
        """Return masks of all objects of an image, (M, H, W) bool, and the class of each."""

    def __getitem__(self, index: int) -> dict:
        """Read one image with its objects.

        Raises:
            UserError: If the image can't be read, or isn't as large as its annotations.
        """
        path = self.image_path(index)
        image = self._load.decode(str(path))
        masks, classes = self.objects(index)
        if masks.shape[1:] != image.shape[:2]:
            raise UserError(
                f"'{path}' has {image.shape[:2]} pixels, its annotations {masks.shape[1:]}."
            )
        scale = self.size / np.array([masks.shape[2], masks.shape[1]] * 2)
        boxes = np.array([_box(mask) for mask in masks]).reshape(-1, 4) * scale
        if self.by == 'class':
            different = list(dict.fromkeys(classes))
            of_class = [[k == one for k in classes] for one in different]
            masks = np.array([masks[rows].any(axis=0) for rows in of_class], bool)
        side = (self.size, self.size)
        square = Image.fromarray(image).resize(side, Image.Resampling.BILINEAR)
        resized = [Image.fromarray(mask).resize(side, Image.Resampling.NEAREST) for mask in masks]
        masks = np.array([np.asarray(mask) for mask in resized], bool).reshape(-1, *side)
        sample = DataSample()
        sample.set_metainfo(dict(sample_idx=index, img_path=str(path)))
        sample.set_field(torch.from_numpy(masks), 'masks')
        sample.set_field(torch.from_numpy(boxes), 'boxes')
        inputs = torch.from_numpy(np.array(square)).permute(2, 0, 1)
        return dict(inputs=inputs, data_samples=sample)


@DATASETS.register_module()
class CocoObjects(ObjectMasks):
    """All images of a COCO file, in the order of their ids; see `CocoOutlines`, `ObjectMasks`.

    Args:
        data_root: Folder of the data set.
        ann_file: The file, below the root.
        data_prefix: ``dict(img=...)``: the folder of the images, below the root.
        size: See `ObjectMasks`.
        by: See `ObjectMasks`.

    Raises:
        UserError: See `CocoOutlines`; if images are missing.
    """

    def __init__(
        self, data_root: str, ann_file: str, data_prefix: dict, size: int = 512, by: str = 'class'
    ) -> None:
        super().__init__(size, by)
        root = Path(data_root)
        with explained(f'the annotations {root / ann_file} cannot be read'):
            self._outlines = CocoOutlines(root / ann_file, root / data_prefix['img'])
        self._ids = sorted(self._outlines.images)
        self._outlines.check_files(self._ids)

    def __len__(self) -> int:
        return len(self._ids)

    def image_path(self, index: int) -> Path:
        """Return the file of an image."""
        return self._outlines.image_path(self._ids[index])

    def objects(self, index: int) -> tuple[np.ndarray, list]:
        """Return masks of all objects of an image, (M, H, W) bool, and the category of each."""
        number = self._ids[index]
        items = self._outlines.objects.get(number, [])
        return self._outlines.masks(number, items), [item.get('category_id') for item in items]


@DATASETS.register_module()
class LabelMapObjects(ObjectMasks):
    """Images with label maps, as VOC's and ADE20K's; see `ObjectMasks`.

    Args:
        data_root: Folder of the data set.
        data_prefix: Folders below the root: ``img_path``, images (JPEG); ``seg_map_path``, maps of
            classes (PNG); ``instances``, maps of objects. Without the last, each connected region
            of a class is an object.
        ann_file: List of names without suffix, below the root; '': all maps.
        background: Value of the maps that is no class.
        ignored: Value of pixels without a label. They belong to no object, as in the published
            evaluation; attention that falls there counts as missed.
        size: See `ObjectMasks`.
        by: See `ObjectMasks`.

    Raises:
        UserError: If files are missing.
    """

    def __init__(
        self,
        data_root: str,
        data_prefix: dict,
        ann_file: str = '',
        background: int = 0,
        ignored: int = 255,
        size: int = 512,
        by: str = 'class',
    ) -> None:
        super().__init__(size, by)
        root = Path(data_root)
        self._folders = {name: root / folder for name, folder in data_prefix.items()}
        self._no_object = (background, ignored)
        maps = self._folders['seg_map_path']
        if ann_file:
            with explained(f'the list {root / ann_file} cannot be read'):
                self._names = (root / ann_file).read_text().split()
        else:
            self._names = sorted(str(p.relative_to(maps))[:-4] for p in maps.rglob('*.png'))
        needed = [self._file(kind, name) for name in self._names for kind in self._folders]
        missing = [path for path in needed if not path.is_file()]
        if missing or not needed:
            more = f' and {len(missing) - 1} other files' if len(missing) > 1 else ''
            raise UserError(f"there is no '{missing[0] if missing else maps / '*.png'}'{more}")

    def __len__(self) -> int:
        return len(self._names)

    def image_path(self, index: int) -> Path:
        """Return the file of an image."""
        return self._file('img_path', self._names[index])

    def objects(self, index: int) -> tuple[np.ndarray, list]:
        """Return masks of all objects of an image, (M, H, W) bool, and the class of each."""
        classes = self._labels('seg_map_path', index)
        values = [value for value in np.unique(classes) if value not in self._no_object]
        masks = []
        if 'instances' in self._folders:
            numbers = self._labels('instances', index)
            if numbers.shape != classes.shape:
                path = self._file('instances', self._names[index])
                raise UserError(f"'{path}' isn't as large as the map of classes.")
            different = [n for n in np.unique(numbers) if n not in self._no_object]
            masks = [numbers == number for number in different]
        else:
            regions = [ndimage.label(classes == value) for value in values]
            masks = [labels == n for labels, count in regions for n in range(1, count + 1)]
        masks = np.array(masks, bool).reshape(-1, *classes.shape)
        return masks, [int(np.bincount(classes[mask]).argmax()) for mask in masks]

    def _file(self, kind: str, name: str) -> Path:
        return self._folders[kind] / f'{name}{".jpg" if kind == "img_path" else ".png"}'

    def _labels(self, kind: str, index: int) -> np.ndarray:
        path = self._file(kind, self._names[index])
        with explained(f"the label map '{path}' cannot be read"):
            labels = np.asarray(Image.open(path))
        if labels.ndim != 2:
            raise UserError(f"'{path}' is no label map: it has {labels.shape} values")
        return labels


def _box(mask: np.ndarray) -> list[int]:
    """Return x1, y1, x2, y2 of a mask (H, W), with exclusive ends; an empty mask has no area."""
    if not mask.any():
        return [0, 0, 0, 0]
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return [columns[0], rows[0], columns[-1] + 1, rows[-1] + 1]
