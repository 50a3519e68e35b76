"""Hold the published data sets' layouts on disk, and look for what shows in the files alone."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from mmmask.checks.coco import look_at_coco
from mmmask.checks.uses import Place
from mmmask.datasets.folders import (
    check_class_folders,
    class_ids,
    looks_like_imagenet,
)
from mmmask.datasets.trees import TarTree, open_tree
from mmmask.utils.errors import UserError
from mmmask.utils.files import list_images

_IMAGENET = """
<data_root>/
  train/
    n01440764/*.JPEG     1000 folders named by class ids, sorted: their ranks are the labels
    ...
  val/
    n01440764/*.JPEG     the same folders: the validation images sorted into them
    ...
or, unsorted:
  val/*.JPEG             with meta/val.txt, lines "<image> <label>", in the config
                         val_dataloader.dataset.ann_file=meta/val.txt (and test_dataloader)
"""

_VARIANTS = """
<data_root>/              imagenet-a, imagenet-r: 200 of the class folders; imagenet-sketch: all
  n01440764/*.jpg         folders named by class ids; their places among the 1000 are the labels
or imagenetv2-matched-frequency-format-val/
  0/*.jpeg ... 999/*.jpeg
"""

_REAL = """
<data_root>/
  val/                    ILSVRC2012_val_00000001.JPEG ..., sorted into folders or not
<labels_file>             real.json: a list of classes for each of the 50000 images
"""

_IMAGENET_9 = """
<data_root>/                                  bg_challenge
  original/val/00_dog/*.JPEG                  9 class folders in each of the sets
  mixed_same/val/  mixed_rand/val/  mixed_next/val/  only_fg/val/  no_fg/val/  only_bg_b/val/ ...
  in_to_in9.json                              the class of the nine of each of the 1000, or -1
"""

_FOLDERS = """
<data_root>/<data_prefix>/
  <class>/*.jpg      one folder per class; without labels (with_label=False) images at any depth
"""

_COCO = """
<data_root>/
  train2017/*.jpg                           118287 images
  val2017/*.jpg                             5000 images
  annotations/instances_train2017.json      80 categories, ids 1 to 90 with gaps
  annotations/instances_val2017.json
"""

_ADE20K = """
<data_root>/                                    usually ADEChallengeData2016
  images/training/ADE_train_*.jpg               20210 images
  images/validation/ADE_val_*.jpg               2000 images
  annotations/training/ADE_train_*.png          0 = other (ignored), 1 to 150 = the classes
  annotations/validation/ADE_val_*.png
"""

_CITYSCAPES = """
<data_root>/
  leftImg8bit/train/<city>/*_leftImg8bit.png            2975 images
  leftImg8bit/val/<city>/*_leftImg8bit.png              500 images
  gtFine/train/<city>/*_gtFine_labelTrainIds.png        0 to 18 = the classes, 255 = ignored
  gtFine/val/<city>/*_gtFine_labelTrainIds.png
"""

_SEGMENTATION = """
<data_root>/
  <data_prefix.img_path>/.../<name><img_suffix>
  <data_prefix.seg_map_path>/.../<name><seg_map_suffix>     one channel, values = classes
"""

_CIFAR = """
<data_root>/
  cifar-10-batches-py/     data_batch_1 ... data_batch_5, test_batch, batches.meta
  cifar-100-python/        train, test, meta
"""

_FLOWERS = """
<data_root>/
  jpg/image_00001.jpg ... image_08189.jpg
  imagelabels.mat      labels: 1 to 102 of each image
  setid.mat            trnid, valid, tstid: numbers of 1020, 1020 and 6149 images
"""

_INATURALIST = """
<data_root>/
  train2018.json  val2018.json      images, annotations, categories (8142; 1010 in 2019)
  categories.json                   names of the categories (optional)
  train_val2018/<supercategory>/<category id>/*.jpg      437513 + 24426 images (2019: 265213 + 3030)
"""

_CUB = """
<data_root>/                          CUB_200_2011
  images/001.Black_footed_Albatross/*.jpg
  images.txt                          lines "<number> <image below images/>"
  image_class_labels.txt              lines "<number> <class>": 1 to 100 train, 101 to 200 test
"""

_CARS = """
<data_root>/
  car_ims/000001.jpg ... 016185.jpg
  cars_annos.mat      annotations: relative_im_path and class; 1 to 98 train, 99 to 196 test
"""

_PRODUCTS = """
<data_root>/                      Stanford_Online_Products
  bicycle_final/*.JPG ...         12 folders
  Ebay_train.txt  Ebay_test.txt   a header, lines "<image_id> <class_id> <super_class_id> <path>"
"""

_INSHOP = """
<data_root>/
  Img/img/WOMEN/... MEN/...
  Eval/list_eval_partition.txt    a count, a header, lines "<img/...> <item_id> <status>"
"""

_REVISITED = """
<data_root>/                 roxford5k or rparis6k
  gnd_roxford5k.pkl          or gnd_rparis6k.pkl: gnd, imlist, qimlist
  jpg/*.jpg                  4993 images and 70 queries (Paris: 6322 and 70)
"""

_DAVIS = """
<data_root>/                                    DAVIS, of DAVIS-2017-trainval-480p.zip
  JPEGImages/480p/<sequence>/00000.jpg
  Annotations/480p/<sequence>/00000.png         palette images: 0 = background, 1, 2, ... = objects
  ImageSets/2017/val.txt                        30 sequences
"""


@dataclass(frozen=True)
class Layout:
    """A layout on disk.

    Attributes:
        tree: The folder as it should be.
        num_classes: Classes of the published data set; None: any number.
        published: Images of each split, by the split, the images' folder or the annotation file.
        files: Files below ``data_root`` that must be there.
        whole: Whether every class has images in every split.
        look: Raises `UserError` for what else the files tell.
    """

    tree: str
    num_classes: int | None = None
    published: dict[str, int] = field(default_factory=dict)
    files: Sequence[str] = ()
    whole: bool = False
    look: Callable[[Place, int | None], None] = lambda place, num_classes: None

    def published_images(self, place: Place, num_classes: int | None) -> int | None:
        """Return the published number of images; None where it is unknown."""
        if self.num_classes not in (None, num_classes):
            return None
        folder = place.images.name.removesuffix('.tar')
        named = (place.argument('split'), folder, place.ann_file and place.ann_file.name)
        year = place.argument('year')
        keys = [key if year is None else f'{key}{year}' for key in named]
        return next((self.published[key] for key in keys if key in self.published), None)


def _look_folders(place: Place, num_classes: int | None) -> None:
    """Refuse a flat or partly empty folder, and a list with other lines than the labels need."""
    its_own = 'StrictImageFolder' in place.family  # it says so itself
    if its_own or not place.argument('with_label') or place.config.get('split') == 'test':
        return
    if place.ann_file is None:
        tree = open_tree(place.images)
        if isinstance(tree, TarTree):
            raise UserError(f'{tree.root}: tars need type=StrictImageFolder for the data set')
        check_class_folders(tree)
        return
    for number, line in enumerate(place.ann_file.read_text().splitlines(), start=1):
        name, _, label = line.strip().rpartition(' ')
        if not name or not label.isdigit():
            raise UserError(f'{place.ann_file}, line {number}: not "<image> <label>": {line!r}')


def _look_imagenet(place: Place, num_classes: int | None) -> None:
    """Refuse class folders that aren't ImageNet's 1000, as `_look_folders` does any folder."""
    _look_folders(place, num_classes)
    known = class_ids()
    of_all = 'ImageNet' in place.family or num_classes == 1000
    labelled = place.argument('with_label') and place.config.get('split') != 'test'
    if not (labelled and of_all and known and place.ann_file is None):
        return
    tree = open_tree(place.images)
    classes = tree.classes()
    name = os.path.basename(tree.first_image(classes[0]) or '')
    if place.images.name == 'train' and name.startswith('ILSVRC2012_val_'):
        raise UserError(
            f'{place.images} holds validation images, such as {name}: are the folders of '
            'training and validation swapped?'
        )
    strange, absent = sorted(set(classes) - set(known)), sorted(set(known) - set(classes))
    if strange or absent:
        first = f', {absent[0]} is missing' if absent else ''
        first += f', {strange[0]} is none of its class ids' if strange else ''
        raise UserError(
            f'{place.images} has {len(classes)} class folders, which are not the 1000 of '
            f"ImageNet{first}: labels are the folders' ranks"
        )


def _look_cityscapes(place: Place, num_classes: int | None) -> None:
    """Say how to make the label maps that are trained with, where only the published are."""
    maps, suffix = place.folders.get('seg_map_path'), '_gtFine_labelTrainIds.png'
    published = ('_gtFine_labelIds.png', '_gtFine_polygons.json')
    if maps is None or place.argument('seg_map_suffix') != suffix or not maps.is_dir():
        return
    if not any(list_images(maps, (suffix,))) and any(list_images(maps, published)):
        raise UserError(
            f'{maps} has no *{suffix}, only the published labels: make them with pip install '
            'cityscapesscripts; CITYSCAPES_DATASET=<data_root> csCreateTrainIdLabelImgs (or '
            "mmseg's tools/dataset_converters/cityscapes.py <data_root>)"
        )


def _look_cifar(place: Place, num_classes: int | None) -> None:
    """Refuse absent batches, and others than the published where only those are taken."""
    folder = place.images / place.kind.base_folder
    entries = [*place.kind.train_list, *place.kind.test_list]
    absent = [name for name, _ in entries if not (folder / name).is_file()]
    if absent and not place.downloads:
        raise UserError(
            f'{len(absent)} of {len(entries)} batches are absent in {folder}, first: {absent[0]} '
            '(unpack the published archive; download=True fetches it where there is a network)'
        )
    for name, md5 in entries if not absent else ():
        if md5 is not None and hashlib.md5((folder / name).read_bytes()).hexdigest() != md5:
            raise UserError(
                f"{folder / name} is not the published file (MD5), which mmpretrain's class "
                'insists on: delete it and fetch it again, or, for a miniature or a subset, use '
                f'Local{place.kind.__name__} as the type of the data sets'
            )


def _look_real(place: Place, num_classes: int | None) -> None:
    """Refuse a file of labels that isn't there."""
    if not os.path.isfile(place.config.get('labels_file') or ''):
        raise UserError(
            f'the file of ReaL labels does not exist: {place.config.get("labels_file")}'
        )


_IMAGES = {'train': 1_281_167, 'val': 50_000}
IMAGENET = Layout(_IMAGENET, 1000, _IMAGES, look=_look_imagenet)
IMAGENET_9 = Layout(_IMAGENET_9)
_VARIANT_IMAGES = {
    'imagenet-a': 7_500,
    'imagenet-r': 30_000,
    'imagenet-sketch': 50_889,
    'imagenetv2-matched-frequency-format-val': 10_000,
}

# By the name of the data set's class or of its nearest ancestor here.
_LAYOUTS = {
    'ImageNet': IMAGENET,
    'CustomDataset': Layout(_FOLDERS, look=_look_folders),
    'NumberedImageFolder': Layout(_VARIANTS, None, _VARIANT_IMAGES),
    'ReaLImageNet': Layout(_REAL, None, {'val': 46_837}, look=_look_real),
    'CocoDataset': Layout(
        _COCO,
        80,
        {'instances_train2017.json': 118_287, 'instances_val2017.json': 5_000},
        look=look_at_coco,
    ),
    'ADE20KDataset': Layout(_ADE20K, 150, {'training': 20_210, 'validation': 2_000}),
    'CityscapesDataset': Layout(
        _CITYSCAPES, 19, {'train': 2_975, 'val': 500, 'test': 1_525}, look=_look_cityscapes
    ),
    'BaseSegDataset': Layout(_SEGMENTATION),
    'CIFAR10': Layout(
        _CIFAR, None, {'train': 50_000, 'test': 10_000}, whole=True, look=_look_cifar
    ),
    'DAVIS2017': Layout(_DAVIS),
    'Flowers102': Layout(
        _FLOWERS,
        102,
        {'train': 1_020, 'val': 1_020, 'trainval': 2_040, 'test': 6_149},
        files=('imagelabels.mat', 'setid.mat'),
        whole=True,
    ),
    'INaturalist': Layout(
        _INATURALIST,
        None,
        {'train2018': 437_513, 'val2018': 24_426, 'train2019': 265_213, 'val2019': 3_030},
    ),
    'CUB200Retrieval': Layout(_CUB, None, {'train': 5_864, 'test': 5_924}),
    'Cars196Retrieval': Layout(_CARS, None, {'train': 8_054, 'test': 8_131}),
    'StanfordOnlineProducts': Layout(_PRODUCTS, None, {'train': 59_551, 'test': 60_502}),
    'InShopRetrieval': Layout(_INSHOP, None, {'train': 25_882, 'query': 14_218, 'gallery': 12_612}),
    'RevisitedBuildings': Layout(_REVISITED, None, {'query': 70}),
}


def find_layout(place: Place) -> Layout | None:
    """Return the layout of a data set's class, or of ImageNet's or ImageNet-9's folders."""
    name = next((name for name in place.family if name in _LAYOUTS), None)
    if name == 'CustomDataset':
        if {'bg_challenge', 'imagenet9'} & set(place.root.parts):
            return IMAGENET_9
        named = 'imagenet' in str(place.root).lower()
        if looks_like_imagenet(place.images) or (named and not place.images.is_dir()):
            return IMAGENET
    return _LAYOUTS.get(name)
