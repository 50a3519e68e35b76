"""A folder of images, with or without labels, that says at once what is wrong with it."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from mmcv.transforms import LoadImageFromFile
from mmengine.fileio import get_file_backend
from mmengine.logging import MMLogger
from mmpretrain.datasets import CustomDataset
from mmpretrain.registry import DATASETS

from mmmask.datasets.folders import check_class_folders, check_folder
from mmmask.datasets.load_image import BrokenImageError, LoadImageStrict, find_reader
from mmmask.utils.errors import UserError
from mmmask.utils.files import IMAGE_EXTENSIONS, list_folder, read_lines
from mmmask.utils.progress import Progress


@DATASETS.register_module()
class StrictImageFolder(CustomDataset):
    """mmpretrain's ``CustomDataset`` for data that may be missing, empty or broken.

    With labels: ``<folder>/<class>/**/<image>``; without: images at any depth of a folder. A
    pipeline's ``LoadImageFromFile`` becomes a `LoadImageStrict` with the same arguments, so
    upstream's pipelines work as they are.

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

    def load_data_list(self) -> list[dict]:
        """Return paths and labels, after the checks of the folder; log how many there are."""
        if self.ann_file:
            samples = self._read_list()
        elif self.with_label:
            samples = self._list_classes()
        else:
            check_folder(self.img_prefix, 'images', self.extensions)
            samples = [dict(img_path=path) for path in self._list('')]
        if self.max_per_class is not None:
            samples = self._first_of_each_class(samples)
        line = f'{(self.ann_file or self.img_prefix).rstrip("/")}: {len(samples):,} images'
        if self.left_out:
            counts = sorted(self.left_out.items(), key=lambda item: (-item[1], item[0]))
            kinds = ', '.join(f'{count:,} {ending}' for ending, count in counts[:4])
            line += f'; {self.left_out.total():,} files of other endings are left out ({kinds})'
        MMLogger.get_current_instance().info(line)
        return samples

    def _read_list(self) -> list[dict]:
        if not Path(self.ann_file).is_file():
            raise UserError(f'the list of images does not exist: {self.ann_file}')
        samples = []
        for line in read_lines(self.ann_file):
            name, *label = line.rsplit(maxsplit=1) if self.with_label else [line]
            if self.with_label and not (label and label[0].isdigit()):
                raise UserError(
                    f'a line of {self.ann_file} has no label: {line!r} (expected "<image> <label>";'
                    ' images without labels need with_label=False)'
                )
            labels = dict(gt_label=int(label[0])) if self.with_label else {}
            samples.append(dict(img_path=self._path(name), **labels))
        if not samples:
            raise UserError(f'the list of images is empty: {self.ann_file}')
        return samples

    def _list_classes(self) -> list[dict]:
        folders, named = check_class_folders(self.img_prefix, self.extensions), self.CLASSES
        if named is not None and len(named) != len(folders):
            raise UserError(
                f'{self.img_prefix} has {len(folders)} class folders, but metainfo names '
                f'{len(named)} classes'
            )
        self.folder_to_idx = {folder: label for label, folder in enumerate(folders)}
        if named is None:
            self._metainfo['classes'] = tuple(folders)
        return [
            dict(img_path=path, gt_label=label)
            for folder, label in self.folder_to_idx.items()
            for path in self._list(folder)
        ]

    def _list(self, folder: str) -> list[str]:
        """Return the images of a folder, and count what else is there."""
        listing = list_folder(self._path(folder), self.extensions)
        self.left_out += listing.others
        return [self._path(os.path.join(folder, name)) for name in listing.images]

    def _path(self, name: str) -> str:
        return get_file_backend(self.img_prefix, enable_singleton=True).join_path(
            self.img_prefix, name
        )

    def _first_of_each_class(self, samples: list[dict]) -> list[dict]:
        seen: Counter[int | str] = Counter()
        kept = []
        for sample in samples:
            label = sample['gt_label'] if self.with_label else self._folder(sample['img_path'])
            seen[label] += 1
            if seen[label] <= self.max_per_class:
                kept.append(sample)
        return kept

    def _folder(self, path: str) -> str:
        """The folder at the top that holds an image."""
        folder, *below = Path(path).relative_to(self.img_prefix).parts
        if not below:
            raise UserError(f'max_per_class needs a folder for each class, but {path} is in none')
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
