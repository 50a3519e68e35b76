#!/usr/bin/env python
"""Time this project's views of a JPEG against the published pipelines, made of torchvision's parts.

All run in turn in one process and thread, by process time: reading, decoding, crops and colours.
The references also turn views into normalised tensors, as the published ones do. Here the model
does that for whole batches, so they are timed without, too. A second table says what each
operation takes.
"""

from __future__ import annotations

import argparse
import os

os.environ.setdefault('OMP_NUM_THREADS', '1')

import random  # noqa: E402
import tempfile  # noqa: E402
import time  # noqa: E402
from collections.abc import Callable, Iterator  # noqa: E402
from pathlib import Path  # noqa: E402
from statistics import median  # noqa: E402

import cv2  # noqa: E402
import torch  # noqa: E402
from mmcv.transforms import Compose, RandomFlip  # noqa: E402
from PIL import Image, ImageFilter, ImageOps  # noqa: E402
from skimage import data  # noqa: E402
from torchvision import transforms  # noqa: E402

from mmmask.datasets.load_image import LoadImageStrict  # noqa: E402
from mmmask.datasets.transforms import MultiCrop, ResizedCrop, pixels  # noqa: E402

GLOBAL, LOCAL, ANY = (0.25, 1.0), (0.05, 0.25), (0.08, 1.0)
BICUBIC = Image.Resampling.BICUBIC


def with_probability(share: float, change: Callable) -> Callable:
    """Return a transform that changes so large a share of the images."""
    return lambda image: change(image) if random.random() < share else image


def crop(size: int, scale: tuple) -> list[Callable]:
    """Return the steps of MAE, ccMIM and linear probing: a random resized crop and a flip."""
    cut = transforms.RandomResizedCrop(size, scale, interpolation=BICUBIC)
    return [cut, transforms.RandomHorizontalFlip()]


def view(size: int, scale: tuple, blur: float, solarize: float = 0.0) -> list[Callable]:
    """Return the steps of one view of DINO or BYOL."""
    return [
        *crop(size, scale),
        transforms.RandomApply([transforms.ColorJitter(0.4, 0.4, 0.2, 0.1)], p=0.8),
        transforms.RandomGrayscale(0.2),
        with_probability(
            blur, lambda im: im.filter(ImageFilter.GaussianBlur(random.uniform(0.1, 2.0)))
        ),
        with_probability(solarize, ImageOps.solarize),
    ]


def multi_crop(num_local: int, scale: tuple) -> list[list[Callable]]:
    """Return the steps of all views of DINO, or without local ones of BYOL."""
    views = [view(224, scale, 1.0), view(224, scale, 0.1, 0.2)]
    return views + [view(96, LOCAL, 0.5)] * num_local


def reference(views: list[list[Callable]], normalise: bool) -> Callable[[Path], list]:
    """Return a published pipeline, made of torchvision's transforms and Pillow's filters."""
    mean, std = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
    last = [transforms.ToTensor(), transforms.Normalize(mean, std)] if normalise else []
    views = [transforms.Compose([*steps, *last]) for steps in views]

    def load(path: Path) -> list:
        image = Image.open(path).convert('RGB')
        return [view(image) for view in views]

    return load


FLIP = RandomFlip(prob=0.5)
CASES = {
    '2 + 10 views (DINO)': (multi_crop(10, GLOBAL), MultiCrop(num_local=10)),
    '2 + 6 views (AttMask)': (multi_crop(6, GLOBAL), MultiCrop(num_local=6)),
    '2 views (BYOL)': (multi_crop(0, ANY), MultiCrop(num_local=0, global_scale=ANY)),
    '1 view (MAE)': ([crop(224, (0.2, 1.0))], Compose([ResizedCrop(224, (0.2, 1.0)), FLIP])),
    '1 view, no flip (ccMIM)': ([crop(224, (0.2, 1.0))[:1]], ResizedCrop(224, (0.2, 1.0))),
}
"""Steps of the published views, and this project's transform of the decoded image."""


def milliseconds(work: Callable[[], object], times: int) -> float:
    """Return the process time of one call."""
    start = time.process_time()
    for _ in range(times):
        work()
    return (time.process_time() - start) / times * 1e3


def main() -> None:
    """Print a table of images a second and core, and one of operations."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--image', type=Path, help='a JPEG [a photograph of 500 x 375 pixels]')
    parser.add_argument('--rounds', type=int, default=8, help='of ten images each way [8]')
    args = parser.parse_args()
    cv2.setNumThreads(0)
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        path = args.image or Path(folder, 'photograph.jpg')
        if args.image is None:
            Image.fromarray(data.chelsea()).resize((500, 375), BICUBIC).save(path, quality=95)
        print('| views | torchvision | without tensors | here | ratio | floor |')
        print('| --- | --- | --- | --- | --- | --- |')
        for name, (published, ours) in CASES.items():
            print(row(name, path, published, ours, args.rounds), flush=True)
        print('\n| operation, ms | 224 px | 96 px |\n| --- | --- | --- |')
        for line in operations(path):
            print(line)


def row(name: str, path: Path, views: list[list[Callable]], ours: Callable, rounds: int) -> str:
    """Time all ways in turn; images a second. The floor only decodes, cuts and resizes."""
    load = LoadImageStrict()
    sizes = [steps[0].size[0] for steps in views]

    def floor() -> list:
        image = load.load(str(path))
        boxes = {224: (0, 0, 300, 250), 96: (0, 0, 150, 140)}  # of middling area
        return [pixels.crop_and_resize(image, boxes[size], (size, size)) for size in sizes]

    published, plain = reference(views, True), reference(views, False)
    ways = {
        'published': lambda: published(path),
        'plain': lambda: plain(path),
        'ours': lambda: ours(load(dict(img_path=str(path)))),
        'floor': floor,
    }
    spent = {way_name: [] for way_name in ways}
    for way in ways.values():
        way()
    for _ in range(rounds):
        for way_name, way in ways.items():
            spent[way_name].append(milliseconds(way, 10))
    rate = {way_name: 1e3 / median(times) for way_name, times in spent.items()}
    return (
        f'| {name} | {rate["published"]:.1f} | {rate["plain"]:.1f} | {rate["ours"]:.1f} | '
        f'{rate["ours"] / rate["published"]:.2f} | {rate["floor"]:.1f} |'
    )


def operations(path: Path) -> Iterator[str]:
    """Yield a line of the time of each operation, for both sizes of views."""
    image = LoadImageStrict().load(str(path))
    yield f'| decode | {milliseconds(lambda: LoadImageStrict().load(str(path)), 50):.3f} | |'
    views = [
        pixels.crop_and_resize(image, (0, 0, 300, 250), (224, 224)),
        pixels.crop_and_resize(image, (0, 0, 150, 140), (96, 96)),
    ]
    changes = {
        'cut and resize': lambda v: pixels.crop_and_resize(
            image, (0, 0, *((300, 250) if len(v) == 224 else (150, 140))), v.shape[:2]
        ),
        'brightness': lambda v: pixels.adjust_brightness(v, 1.2),
        'contrast': lambda v: pixels.adjust_contrast(v, 1.2),
        'saturation': lambda v: pixels.adjust_saturation(v, 1.2),
        'hue': lambda v: pixels.adjust_hue(v, 0.05),
        'grey': pixels.to_grey,
        'blur, sigma 1': lambda v: pixels.blur(v, 1.0),
        'solarise': pixels.solarize,
    }
    for name, change in changes.items():
        spent = [milliseconds(lambda change=change, v=v: change(v), 200) for v in views]
        yield f'| {name} | {spent[0]:.3f} | {spent[1]:.3f} |'


if __name__ == '__main__':
    main()
