"""iNaturalist: a year's json files and the images that they name."""

from __future__ import annotations

from pathlib import Path

from mmmask.datasets.checks import announce
from mmmask.datasets.layouts.scan import Found, Scan, open_images, require_files

TREE = """
<data_root>/
  train2018.json  val2018.json      images, annotations, categories (8142; 1010 in 2019)
  categories.json                   names of the categories (optional)
  train_val2018/<supercategory>/<category id>/*.jpg      437513 + 24426 images (2019: 265213 + 3030)
"""

PUBLISHED = {
    2018: {'train': 437_513, 'val': 24_426},
    2019: {'train': 265_213, 'val': 3_030},
}


def check_inaturalist(
    root: Path, year: int, split: str, num_classes: int | None, scan: Scan
) -> Found:
    """One split of one year.

    The data set's own class reads the json file, so its errors are the class's; images are looked
    for besides.

    Raises:
        UserError: As `mmmask.datasets.INaturalist` says, or images are absent or broken.
    """
    from mmmask.datasets.inaturalist import INaturalist

    path = root / f'{split}{year}.json'
    if path.is_file():
        announce(path)
    dataset = INaturalist(str(root), year, split, num_classes, lazy_init=True)
    samples = dataset.load_data_list()
    files = [Path(sample['img_path']) for sample in samples]
    require_files(files, path, scan)
    used = len({sample['gt_label'] for sample in samples})
    facts = {'categories': len(dataset.metainfo['classes']), 'categories with images': used}
    found = Found(len(files), PUBLISHED[year][split], facts)
    found.classes = [str(category) for category in dataset.categories]
    if used < facts['categories']:
        found.notes.append(f'{facts["categories"] - used:,} categories without an image')
    found.sizes = open_images(files, scan)
    return found
