"""A folder of images, with or without labels, that says at once what is wrong with it."""

from __future__ import annotations

import itertools
import os
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from mmcv.transforms import LoadImageFromFile
from mmengine.logging import MMLogger
from mmpretrain.datasets import CustomDataset
from mmpretrain.registry import DATASETS

from mmmask.datasets.folders import check_class_folders, check_folder
from mmmask.datasets.load_image import BrokenImageError, LoadImageStrict, find_reader
from mmmask.datasets.trees import Tree, open_tree
from mmmask.utils.errors import UserError
from mmmask.utils.files import IMAGE_EXTENSIONS, read_lines
from mmmask.utils.progress import Progress


@DATASETS.register_module()
class StrictImageFolder(CustomDataset):
    """mmpretrain's ``CustomDataset`` for data that may be missing, empty or broken.

    With labels: ``<folder>/<class>/**/<image>``; without: images at any depth of a folder. A
    pipeline's ``LoadImageFromFile`` becomes a `LoadImageStrict` with the same arguments, so
    upstream's pipelines work as they are. Tars are read in place of folders, see `open_tree`.

    Args:
        data_root: As in ``CustomDataset``.
        data_prefix: As in ``CustomDataset``.
        with_label: Whether sub-folders are classes.
        extensions: Endings of image files.
        pipeline: Transforms.
        skip_broken: In training, a broken image is replaced by the next one that isn't, logged once
            and counted in `broken`. In ``test_mode`` every image counts, so the broken ones are
            found and left out before the run (as with ``verify``).
        verify: Decode every image once before the run.
        cache: Keep decoded images in memory, `CACHE_BYTES` at most in each process: for small data.
        max_pixels: See `LoadImageStrict`.
        reduce_jpegs: Decode large JPEGs 2, 4 or 8 times smaller. Every crop stays twice as long as
            its view, see `pixels.coarsest_scale`. Quicker from 5 million pixels on, but not the
            papers' pixels: values differ by 1.4 on average at most.
        max_per_class: The first so many images of each class, in the order of their names (of a
            list, in its order). Without labels the folders at the top are the classes.
        **kwargs: As in ``CustomDataset``.

    Raises:
        UserError: One line: the folder is missing, empty or laid out differently, has another
            number of classes than ``metainfo``, or holds broken images (named).
    """

    def __init__(
        self,
        data_root: str = '',
        data_prefix: str | dict = '',
        ann_file: str = '',
        with_label: bool = True,
        extensions: Sequence[str] = IMAGE_EXTENSIONS,
        pipeline: Sequence = (),
        skip_broken: bool = False,
        verify: bool = False,
        cache: bool = False,
        max_pixels: int | None = None,
        max_per_class: int | None = None,
        reduce_jpegs: bool = False,
        **kwargs,
    ) -> None:
        if not (data_root or data_prefix or ann_file):
            raise UserError('no data folder is given: set data_root or data_prefix')
        pipeline = [_strict(step, dict(cache=cache, max_pixels=max_pixels)) for step in pipeline]
        if (skip_broken or cache) and not any(map(_is_strict, pipeline)):
            raise UserError(
                'skip_broken and cache need a pipeline with LoadImageFromFile or LoadImageStrict'
            )
        if max_per_class is not None and max_per_class < 1:
            raise UserError(f'max_per_class must be at least 1 (or None: all), got {max_per_class}')
        self.max_per_class = max_per_class
        self.skip_broken = skip_broken
        self.verify = verify
        self.left_out: Counter[str] = Counter()
        """Files of the folder that aren't images, by their endings."""
        self.broken: dict[str, str] = {}
        """Broken images met in this process: path -> reason."""
        super().__init__(
            data_root=data_root,
            data_prefix=data_prefix,
            ann_file=ann_file,
            with_label=with_label,
            extensions=extensions,
            pipeline=pipeline,
            **kwargs,
        )
        if reduce_jpegs:
            self._reduce_jpegs()

    def _reduce_jpegs(self) -> None:
        """Let the reader ask the views that are cut first how small it may decode."""
        for reader, views in itertools.pairwise(self.pipeline.transforms):
            if _is_strict(reader) and hasattr(views, 'coarsest_scale'):
                reader.reduction = views.coarsest_scale
                return
        raise UserError('reduce_jpegs needs MultiCrop or ResizedCrop right after LoadImageFromFile')

    def load_data_list(self) -> list[dict]:
        """Return paths and labels, after the checks of the folder; log how many there are."""
        tree = open_tree(self.img_prefix)
        if self.ann_file:
            samples = self._read_list()
        elif self.with_label:
            samples = self._list_classes(tree.listed())
        else:
            check_folder(tree.listed(), 'images', self.extensions)
            samples = [(name, None) for name in self._list(tree)]
        if self.max_per_class is not None:
            samples = self._first_of_each_class(samples)
        line = f'{(self.ann_file or tree.root).rstrip("/")}: {len(samples):,} images'
        if self.left_out:
            counts = sorted(self.left_out.items(), key=lambda item: (-item[1], item[0]))
            kinds = ', '.join(f'{count:,} {ending}' for ending, count in counts[:4])
            line += f'; {self.left_out.total():,} files of other endings are left out ({kinds})'
        MMLogger.get_current_instance().info(line)
        if not self.with_label:
            return [dict(img_path=tree.path(name)) for name, _ in samples]
        return [dict(img_path=tree.path(name), gt_label=label) for name, label in samples]

    def _read_list(self) -> list[tuple[str, int | None]]:
        if not Path(self.ann_file).is_file():
            raise UserError(f'the list of images does not exist: {self.ann_file}')
        samples = []
        between = ',' if self.ann_file.endswith('.csv') else None
        for line in read_lines(self.ann_file):
            name, *label = line.rsplit(between, 1) if self.with_label else [line]
            if self.with_label and not (label and label[0].isdigit()):
                raise UserError(
                    f'a line of {self.ann_file} has no label: {line!r} (expected "<image> <label>";'
                    ' images without labels need with_label=False)'
                )
            samples.append((name, int(label[0]) if self.with_label else None))
        if not samples:
            raise UserError(f'the list of images is empty: {self.ann_file}')
        return samples

    def _list_classes(self, tree: Tree) -> list[tuple[str, int]]:
        folders, named = check_class_folders(tree, self.extensions), self.CLASSES
        if named is not None and len(named) != len(folders):
            raise UserError(
                f'{self.img_prefix} has {len(folders)} class folders, but metainfo names '
                f'{len(named)} classes'
            )
        self.folder_to_idx = {folder: label for label, folder in enumerate(folders)}
        if named is None:
            self._metainfo['classes'] = tuple(folders)
        return [
            (name, label)
            for folder, label in self.folder_to_idx.items()
            for name in self._list(tree, folder)
        ]

    def _list(self, tree: Tree, folder: str = '') -> list[str]:
        """Return the images of a folder, and count what else is there."""
        listing = tree.listing(folder, self.extensions)
        self.left_out += listing.others
        return listing.images

    def _first_of_each_class(self, samples: list[tuple]) -> list[tuple]:
        seen: Counter[int | str] = Counter()
        kept = []
        for name, label in samples:
            group = label if self.with_label else self._folder(name)
            seen[group] += 1
            if seen[group] <= self.max_per_class:
                kept.append((name, label))
        return kept

    def _folder(self, name: str) -> str:
        """The folder at the top that holds an image."""
        folder, *below = Path(name).parts
        if not below:
            raise UserError(f'max_per_class needs a folder for each class, but {name} is in none')
        return folder

    def filter_data(self) -> list[dict]:
        """All images, or with ``verify`` those that can be decoded."""
        if not (self.verify or (self.skip_broken and self.test_mode)):
            return self.data_list
        reader = find_reader(self.pipeline.transforms)
        errors = _verify([info['img_path'] for info in self.data_list], reader)
        if errors and not self.skip_broken:
            first = errors[0]
            raise UserError(
                f'{len(errors)} of {len(self.data_list)} images are broken, first: {first.path} '
                f'({first.reason}); mend or delete them, or set skip_broken=True'
            )
        for error in errors:
            self._note(error)
        whole = [info for info in self.data_list if info['img_path'] not in self.broken]
        if not whole:
            raise UserError(f'all {len(self.data_list)} images of {self.img_prefix} are broken')
        return whole

    def prepare_data(self, idx: int) -> dict:
        """Image ``idx`` after the pipeline, or with ``skip_broken`` the next one that is whole."""
        for step in range(len(self)):
            try:
                return super().prepare_data((idx + step) % len(self) if step else idx)
            except BrokenImageError as error:
                if not self.skip_broken or self.test_mode:
                    raise
                self._note(error)
        raise UserError(f'all {len(self)} images of {self.img_prefix} are broken')

    def _note(self, error: BrokenImageError) -> None:
        """Count a broken image and log it once."""
        if error.path not in self.broken:
            self.broken[error.path] = error.reason
            MMLogger.get_current_instance().warning(
                f'skipped broken image {error.path} ({error.reason}); {len(self.broken)} so far'
            )


def _strict(step: dict | object, options: dict) -> dict | object:
    """The strict reader in place of mmcv's, with the same arguments; other steps as they are."""
    readers = ('LoadImageFromFile', 'mmpretrain.LoadImageFromFile', LoadImageFromFile)
    if isinstance(step, dict) and step.get('type') in readers:
        # What is inherited from a package's config names its registry, too.
        given = {k: v for k, v in step.items() if k not in ('type', '_scope_')}
        return LoadImageStrict(**given, **options)
    return step


def _is_strict(step: dict | object) -> bool:
    names = ('LoadImageStrict', 'mmpretrain.LoadImageStrict', LoadImageStrict)
    return (
        step.get('type') in names if isinstance(step, dict) else isinstance(step, LoadImageStrict)
    )


def _verify(paths: Sequence[str], reader: LoadImageStrict) -> list[BrokenImageError]:
    """Decode every file; return the errors of those that can't be, in the order of the paths."""

    def attempt(path: str) -> BrokenImageError | None:
        try:
            reader.decode(path)
        except BrokenImageError as error:
            return error
        return None

    errors = []
    progress = Progress('images checked', len(paths))
    with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:
        for error in pool.map(attempt, paths):
            progress.advance(1)
            if error is not None:
                errors.append(error)
    MMLogger.get_current_instance().info(f'checked {len(paths)} images: {len(errors)} are broken')
    return errors
