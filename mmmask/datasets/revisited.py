"""Revisited Oxford and Paris as they are published."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mmpretrain.datasets import BaseDataset
from mmpretrain.registry import DATASETS

from mmmask.datasets.pickles import load_pickle
from mmmask.utils.errors import UserError, check_choice, explained


@DATASETS.register_module()
class RevisitedBuildings(BaseDataset):
    """Queries or database of revisited Oxford or Paris (Radenović et al. 2018).

    The folder holds::

        gnd_roxford5k.pkl       imlist, qimlist, and easy, hard, junk and a box of each query
        jpg/<name>.jpg          all images, the queries among them

    The pickle is read by an unpickler that makes arrays and plain values only.

    Args:
        data_root: The folder.
        ann_file: The ground truth, ``gnd_roxford5k.pkl`` or ``gnd_rparis6k.pkl``.
        split: ``'query'`` or ``'database'``.
        crop: Whether queries have a ``box`` (left, top, right, bottom) for the pipeline to cut out,
            as the benchmark's protocol does. DINO's evaluation takes the whole image.
        **kwargs: As in mmpretrain's ``BaseDataset``; ``test_mode`` is true by default.

    Attributes:
        relevant: Indices of database images for each query: ``easy``, ``hard`` and ``junk``.
        images: Number of database images.

    Raises:
        UserError: If the ground truth is missing, damaged or another file.
    """

    def __init__(
        self,
        data_root: str,
        ann_file: str = 'gnd_roxford5k.pkl',
        split: str = 'query',
        crop: bool = False,
        **kwargs: Any,
    ) -> None:
        check_choice('RevisitedBuildings: split', split, ('query', 'database'))
        self.split, self.crop = split, crop
        super().__init__(ann_file, data_root=data_root, **{'test_mode': True, **kwargs})

    def load_data_list(self) -> list[dict]:
        """Return the paths, and with ``crop`` the boxes, in the order of the ground truth."""
        if not Path(self.ann_file).is_file():
            raise UserError(f'the ground truth does not exist: {self.ann_file}')
        content = load_pickle(Path(self.ann_file))
        with explained(f'{self.ann_file} is no ground truth of revisited Oxford or Paris'):
            truth, names = content['gnd'], content['imlist']
            queries, self.images = content['qimlist'], len(names)
            self.relevant = [
                {key: [int(index) for index in query[key]] for key in ('easy', 'hard', 'junk')}
                for query in truth
            ]
            boxes = [[float(edge) for edge in query['bbx']] for query in truth]
            strange = {i for lists in self.relevant for part in lists.values() for i in part}
            if len(truth) != len(queries) or not strange <= set(range(self.images)):
                raise ValueError('its queries or indices do not fit its lists of images')
        if self.split == 'database':
            return [dict(img_path=self._path(name)) for name in names]
        samples = [dict(img_path=self._path(name)) for name in queries]
        for sample, box in zip(samples, boxes) if self.crop else ():
            sample['box'] = box
        return samples

    def _path(self, name: str) -> str:
        return str(Path(self.data_root, 'jpg', f'{name}.jpg'))
