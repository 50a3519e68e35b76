"""CUB-200, Cars-196, Stanford Online Products and In-Shop, as they are published."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mmpretrain.datasets import BaseDataset
from mmpretrain.registry import DATASETS
from scipy.io import loadmat

from mmmask.utils.errors import UserError, check_choice, explained
from mmmask.utils.files import read_lines


class RetrievalDataset(BaseDataset):
    """Images and classes of one split, in the order of the published lists.

    Training and test have no class in common. Labels are the published class numbers, from 0.

    Args:
        data_root: The folder that the archive unpacks to.
        split: One of the class's `splits`.
        **kwargs: As in mmpretrain's ``BaseDataset``; ``test_mode`` is false for ``'train'`` only.

    Raises:
        UserError: If a list is missing or laid out differently, or the split has no image.
    """

    splits: tuple[str, ...] = ('train', 'test')
    lists: str
    """The main list, below ``data_root``; ``{}`` is the split."""

    def __init__(self, data_root: str, split: str = 'test', **kwargs: Any) -> None:
        check_choice(f'{type(self).__name__}: split', split, self.splits)
        self.split = split
        kwargs = {'test_mode': split != 'train', 'ann_file': self.lists.format(split), **kwargs}
        super().__init__(data_root=data_root, **kwargs)

    @abstractmethod
    def read(self, root: Path) -> Iterator[tuple[str, int]]:
        """Yield the path below the root and the label of each image of the split."""

    def load_data_list(self) -> list[dict]:
        """Return the paths and labels."""
        root, name = Path(self.data_root), type(self).__name__
        if not Path(self.ann_file).is_file():
            raise UserError(f'the list of {name} does not exist: {self.ann_file}')
        with explained(f'{self.ann_file} is not laid out as {name} is published'):
            samples = list(self.read(root))
        if not samples:
            raise UserError(f'{self.ann_file} names no image of the split {self.split!r}')
        return [dict(img_path=str(root / path), gt_label=label) for path, label in samples]


@DATASETS.register_module()
class CUB200Retrieval(RetrievalDataset):
    """Read CUB-200-2011: classes 1 to 100 are for training, 101 to 200 for the test."""

    lists = 'images.txt'

    def read(self, root: Path) -> Iterator[tuple[str, int]]:
        """Join ``images.txt`` and ``image_class_labels.txt`` by the numbers of the images."""
        labels = root / 'image_class_labels.txt'
        with explained(f'{labels} is not laid out as CUB200Retrieval is published'):
            classes = {image: int(label) for image, label in map(str.split, read_lines(labels))}
        for number, path in map(str.split, read_lines(self.ann_file)):
            if (classes[number] <= 100) == (self.split == 'train'):
                yield f'images/{path}', classes[number] - 1


@DATASETS.register_module()
class Cars196Retrieval(RetrievalDataset):
    """Read Cars-196: classes 1 to 98 are for training, 99 to 196 for the test."""

    lists = 'cars_annos.mat'

    def read(self, root: Path) -> Iterator[tuple[str, int]]:
        """Read the paths and classes of ``cars_annos.mat``."""
        for car in loadmat(self.ann_file, squeeze_me=True)['annotations']:
            number = int(car['class'])
            if (number <= 98) == (self.split == 'train'):
                yield str(car['relative_im_path']), number - 1


@DATASETS.register_module()
class StanfordOnlineProducts(RetrievalDataset):
    """Read Stanford Online Products: ``Ebay_train.txt`` and ``Ebay_test.txt``."""

    lists = 'Ebay_{}.txt'

    def read(self, root: Path) -> Iterator[tuple[str, int]]:
        """Read lines ``image_id class_id super_class_id path`` behind a header."""
        for line in read_lines(self.ann_file)[1:]:
            _, number, _, path = line.split()
            yield path, int(number) - 1


@DATASETS.register_module()
class InShopRetrieval(RetrievalDataset):
    """Read In-Shop Clothes Retrieval: ``Eval/list_eval_partition.txt``, images in ``Img/img``."""

    splits = ('train', 'query', 'gallery')
    lists = 'Eval/list_eval_partition.txt'

    def __init__(self, data_root: str, split: str = 'query', **kwargs: Any) -> None:
        super().__init__(data_root, split, **kwargs)

    def read(self, root: Path) -> Iterator[tuple[str, int]]:
        """Read lines ``image_name item_id evaluation_status`` behind a count and a header."""
        for line in read_lines(self.ann_file)[2:]:
            path, item, status = line.split()
            if status == self.split:
                yield f'Img/{path}', int(item.removeprefix('id_')) - 1
