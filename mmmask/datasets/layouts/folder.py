"""Any images in class folders, or without classes: mmpretrain's ``CustomDataset``."""

from __future__ import annotations

from pathlib import Path

from mmmask.datasets.checks import class_folders, require_class_folders
from mmmask.datasets.layouts.imagenet import PUBLISHED, looks_like_imagenet
from mmmask.datasets.layouts.scan import Found, Scan, class_images, open_images
from mmmask.utils.files import list_images

TREE = """
<data_root>/<data_prefix>/
  <class>/*.jpg      one folder per class; without labels (with_label=False) images at any depth
"""


def check_image_folder(folder: Path, with_label: bool, scan: Scan) -> Found:
    """A folder of images. A quick scan opens none: a data set may leave broken ones out.

    Raises:
        UserError: It is missing, empty or flat though labels are wanted, or images are broken.
    """
    found = Found()
    if with_label:
        found.classes = require_class_folders(folder)
        found.facts['classes'] = len(found.classes)
        files = class_images(folder, found.classes, found, scan)
    elif scan.thorough:
        if looks_like_imagenet(folder) and len(class_folders(folder)) == 1000:
            found.published = PUBLISHED.get(folder.name)
        files = sorted(list_images(folder))
        found.images = len(files)
    if scan.thorough:
        found.sizes = open_images(files, scan)
    return found
