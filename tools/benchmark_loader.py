#!/usr/bin/env python
"""Time this project's multi-crop of a JPEG against torchvision's transforms with DINO's parameters.

Both run in turn in one process and thread, by process time: reading, decoding, crops and colours.
The reference also turns its views into normalised tensors, as DINO's does; here the model does that
for whole batches, so it is timed without, too.
"""

from __future__ import annotations

import argparse
import io
import os

os.environ.setdefault('OMP_NUM_THREADS', '1')

import random  # noqa: E402
import tempfile  # noqa: E402
import time  # noqa: E402
from collections.abc import Callable  # noqa: E402
from pathlib import Path  # noqa: E402

import cv2  # noqa: E402
import torch  # noqa: E402
from PIL import Image, ImageFilter, ImageOps  # noqa: E402
from skimage import data  # noqa: E402
from torchvision import transforms  # noqa: E402

from mmmask.datasets.load_image import LoadImageStrict  # noqa: E402
from mmmask.datasets.transforms import MultiCrop  # noqa: E402

GLOBAL, LOCAL = (0.25, 1.0), (0.05, 0.25)


def with_probability(share: float, change: Callable) -> Callable:
    """Return a transform that changes so large a share of the images."""
    return lambda image: change(image) if random.random() < share else image


def reference(num_local: int, normalise: bool) -> Callable[[Path], list]:
    """Return DINO's pipeline, made of torchvision's transforms and Pillow's filters."""

    def view(size: int, scale: tuple, blur: float, solarize: float = 0.0) -> transforms.Compose:
        steps = [
            transforms.RandomResizedCrop(size, scale, interpolation=Image.Resampling.BICUBIC),
            transforms.RandomHorizontalFlip(),
            transforms.RandomApply([transforms.ColorJitter(0.4, 0.4, 0.2, 0.1)], p=0.8),
            transforms.RandomGrayscale(0.2),
            with_probability(
                blur, lambda im: im.filter(ImageFilter.GaussianBlur(random.uniform(0.1, 2.0)))
            ),
            with_probability(solarize, ImageOps.solarize),
        ]
        if normalise:
            mean, std = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
            steps += [transforms.ToTensor(), transforms.Normalize(mean, std)]
        return transforms.Compose(steps)

    views = [view(224, GLOBAL, 1.0), view(224, GLOBAL, 0.1, 0.2)]
    views += [view(96, LOCAL, 0.5)] * num_local

    def load(path: Path) -> list:
        image = Image.open(path).convert('RGB')
        return [view(image) for view in views]

    return load


def milliseconds(work: Callable[[], object], times: int) -> float:
    """Return the process time of one call."""
    start = time.process_time()
    for _ in range(times):
        work()
    return (time.process_time() - start) / times * 1e3


def main() -> None:
    """Print a table of images a second and core, and the floor: decoding and resizing alone."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--image', type=Path, help='a JPEG [a photograph of 500 x 375 pixels]')
    parser.add_argument('--rounds', type=int, default=8, help='of ten images each way [8]')
    args = parser.parse_args()
    cv2.setNumThreads(0)
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        path = args.image or Path(folder, 'photograph.jpg')
        if args.image is None:
            picture = Image.fromarray(data.chelsea()).resize((500, 375), Image.Resampling.BICUBIC)
            picture.save(path, quality=95)
        print('| views | DINO by torchvision | without tensors | ours | ratio | floor |')
        print('| --- | --- | --- | --- | --- | --- |')
        for num_local in (10, 6):
            print(row(path, num_local, args.rounds))


def row(path: Path, num_local: int, rounds: int) -> str:
    """Time both ways in turn; images a second."""
    load, crop = LoadImageStrict(), MultiCrop(num_local=num_local)

    def floor() -> list:
        image = Image.open(io.BytesIO(path.read_bytes())).convert('RGB')
        boxes = [((300, 250), 224)] * 2 + [((150, 140), 96)] * num_local  # of middling area
        return [
            image.crop((0, 0, *box)).resize((size, size), Image.Resampling.BICUBIC)
            for box, size in boxes
        ]

    published, plain = reference(num_local, True), reference(num_local, False)
    ways = {
        'published': lambda: published(path),
        'plain': lambda: plain(path),
        'ours': lambda: crop(load(dict(img_path=str(path)))),
        'floor': floor,
    }
    spent = dict.fromkeys(ways, 0.0)
    for way in ways.values():
        way()
    for _ in range(rounds):
        for name, way in ways.items():
            spent[name] += milliseconds(way, 10)
    rate = {name: 1e3 * rounds / total for name, total in spent.items()}
    return (
        f'| 2 + {num_local} | {rate["published"]:.1f} | {rate["plain"]:.1f} | {rate["ours"]:.1f} | '
        f'{rate["ours"] / rate["published"]:.2f} | {rate["floor"]:.1f} |'
    )


if __name__ == '__main__':
    main()
