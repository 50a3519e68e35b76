"""The on-disk formats: what is in each file of the three trees of the material scenes."""

from __future__ import annotations

import io
import json
from functools import lru_cache

import numpy as np
from PIL import Image

from mmmask.datasets.materials import MATERIALS, SCENE_MATERIALS, SPLITS
from mmmask.datasets.scenes import Scene, compose_scene, material_image
from mmmask.datasets.spec import MaterialScenesSpec


def jpeg(image: np.ndarray, quality: int) -> bytes:
    """An ``(H, W, 3)`` uint8 image as a JPEG without chroma subsampling."""
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, 'JPEG', quality=quality, subsampling=0)
    return buffer.getvalue()


def png(labels: np.ndarray) -> bytes:
    """An ``(H, W)`` uint8 label map as a greyscale PNG: values are kept exactly."""
    buffer = io.BytesIO()
    Image.fromarray(labels).save(buffer, 'PNG')
    return buffer.getvalue()


class ClsTree:
    """ImageNet style: ``{train,val}/<class>/<index>.jpg``.

    ``fields`` names what the content of each file depends on. The numbers of images are not among
    it, so a larger set keeps the files of a smaller one.
    """

    fields = (
        'cls_size', 'jpeg_quality', 'zoom', 'rotation', 'min_texture', 'exposure', 'brightness',
        'contrast', 'gamma', 'cast', 'grey',
    )  # fmt: skip

    def __init__(self, spec: MaterialScenesSpec, seed: int) -> None:
        self.spec, self.seed = spec, seed

    def names(self) -> list[str]:
        """Every file of the tree."""
        counts = dict(train=self.spec.cls_train, val=self.spec.cls_val)
        return [
            f'{split}/{material}/{index:05d}.jpg'
            for split in SPLITS
            for material in MATERIALS
            for index in range(counts[split])
        ]

    def make(self, name: str) -> bytes:
        """Content of one file."""
        split, material, file = name.split('/')
        label, index = MATERIALS.index(material), int(file.removesuffix('.jpg'))
        image = material_image(label, split, index, self.spec, self.seed)
        return jpeg(image, self.spec.jpeg_quality)


class SceneTree:
    """Write the same scenes, file by file, for detection and segmentation."""

    fields = (
        'scene_size', 'jpeg_quality', 'scene_zoom', 'rotation', 'min_texture', 'exposure',
        'brightness', 'contrast', 'gamma', 'cast', 'grey', 'objects', 'radius', 'wobble',
        'min_visible', 'min_visible_share', 'other_background',
    )  # fmt: skip

    def __init__(self, spec: MaterialScenesSpec, seed: int) -> None:
        self.spec, self.seed = spec, seed

    def indices(self, split: str) -> range:
        """Scenes of a split."""
        return range(self.spec.scenes_train if split == 'train' else self.spec.scenes_val)

    def scene(self, split: str, index: int) -> Scene:
        """One scene."""
        return _scene(split, index, self.spec, self.seed)

    def image(self, split: str, file: str) -> bytes:
        """The JPEG of the scene that ``file`` (``00012.jpg``) names."""
        scene = self.scene(split, int(file.removesuffix('.jpg')))
        return jpeg(scene.image, self.spec.jpeg_quality)


@lru_cache(maxsize=2048)
def _scene(split: str, index: int, spec: MaterialScenesSpec, seed: int) -> Scene:
    """One scene: kept, because its image, its instances and its label map are different files."""
    return compose_scene(split, index, spec, seed)


class DetTree(SceneTree):
    """COCO style: ``{train,val}/<index>.jpg`` and ``annotations/instances_{train,val}.json``."""

    fields = (*SceneTree.fields, 'scenes_train', 'scenes_val')  # an annotation file lists them all

    def names(self) -> list[str]:
        """Every file of the tree."""
        images = [f'{split}/{i:05d}.jpg' for split in SPLITS for i in self.indices(split)]
        return [*images, *(f'annotations/instances_{split}.json' for split in SPLITS)]

    def make(self, name: str) -> bytes:
        """Content of one file."""
        folder, file = name.split('/')
        if folder == 'annotations':
            split = file.removeprefix('instances_').removesuffix('.json')
            return json.dumps(self.instances(split)).encode()
        return self.image(folder, file)

    def instances(self, split: str) -> dict:
        """COCO's annotation dictionary; masks are run lengths (exact), image ids start at 1."""
        images, annotations = [], []
        for index in self.indices(split):
            scene = self.scene(split, index)
            height, width = scene.image.shape[:2]
            name = f'{index:05d}.jpg'
            images.append(dict(id=index + 1, file_name=name, width=width, height=height))
            for label, mask in zip(scene.labels, scene.masks, strict=True):
                annotations.append(
                    dict(
                        id=len(annotations) + 1,
                        image_id=index + 1,
                        category_id=label + 1,
                        iscrowd=0,
                        **mask_fields(mask),
                    )
                )
        categories = [
            dict(id=label + 1, name=name, supercategory='material')
            for label, name in enumerate(SCENE_MATERIALS)
        ]
        info = dict(description='material scenes', split=split, seed=self.seed)
        return dict(info=info, images=images, annotations=annotations, categories=categories)


def mask_fields(mask: np.ndarray) -> dict:
    """COCO's ``segmentation``, ``area`` and ``bbox`` of an ``(H, W)`` bool mask, not empty.

    The box is ``[left, top, width, height]`` in pixels and covers exactly the mask's pixels.
    """
    from pycocotools.mask import encode

    rle = encode(np.asfortranarray(mask, dtype=np.uint8))
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    left, top = int(columns[0]), int(rows[0])
    box = [left, top, int(columns[-1]) - left + 1, int(rows[-1]) - top + 1]
    segmentation = dict(size=list(mask.shape), counts=rle['counts'].decode('ascii'))
    return dict(segmentation=segmentation, area=int(mask.sum()), bbox=box)


class SegTree(SceneTree):
    """ADE style: ``images/{train,val}/<index>.jpg`` and ``annotations/{train,val}/<index>.png``.

    A label map holds class index + 1 at every pixel of an object *and* of its background material.
    It holds 0 ("other") where the background is a photograph without a class. So texture decides
    everywhere, not the outline alone.
    """

    def names(self) -> list[str]:
        """Every file of the tree."""
        return [
            f'{kind}/{split}/{index:05d}.{suffix}'
            for kind, suffix in (('images', 'jpg'), ('annotations', 'png'))
            for split in SPLITS
            for index in self.indices(split)
        ]

    def make(self, name: str) -> bytes:
        """Content of one file."""
        kind, split, file = name.split('/')
        if kind == 'images':
            return self.image(split, file)
        return png(self.scene(split, int(file.removesuffix('.png'))).label_map())


TREES = {'cls': ClsTree, 'det': DetTree, 'seg': SegTree}
"""Sub-folder of the data set -> what writes it."""
