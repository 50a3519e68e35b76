"""ImageNet's validation images with ReaL labels (Beyer et al. 2020)."""

from __future__ import annotations

import json
import re
from pathlib import Path

from mmpretrain.registry import DATASETS

from mmmask.datasets.image_folder import StrictImageFolder
from mmmask.utils.errors import UserError, explained


@DATASETS.register_module()
class ReaLImageNet(StrictImageFolder):
    """Give each validation image all its right classes, as ``gt_labels``.

    The labels are those of ``real.json``: a list for each image, in the order of the numbers in the
    names ``ILSVRC2012_val_00000001.JPEG``. Images whose list is empty are left out.

    Args:
        labels_file: Path of ``real.json``.
        **kwargs: As in ``StrictImageFolder``; images may be sorted into folders or not.

    Raises:
        UserError: If the file is missing or holds other lists, or a name has no such number.
    """

    def __init__(self, *args, labels_file: str, **kwargs) -> None:
        self.labels_file = labels_file
        super().__init__(*args, with_label=False, **kwargs)

    def load_data_list(self) -> list[dict]:
        """Return the paths and labels."""
        if not Path(self.labels_file).is_file():
            raise UserError(f'the file of ReaL labels does not exist: {self.labels_file}')
        with explained(f'{self.labels_file} is no list of lists of classes'):
            labels = json.loads(Path(self.labels_file).read_text())
            labels = [[int(label) for label in each] for each in labels]
        samples = []
        for sample in super().load_data_list():
            found = re.search(r'ILSVRC2012_val_(\d+)\.', sample['img_path'])
            if not found or not 1 <= int(found[1]) <= len(labels):
                raise UserError(
                    f'{sample["img_path"]}: {self.labels_file} has {len(labels)} lists for the '
                    'numbers in names such as ILSVRC2012_val_00000001.JPEG'
                )
            if wanted := labels[int(found[1]) - 1]:
                samples.append({**sample, 'gt_labels': wanted})
        return samples
