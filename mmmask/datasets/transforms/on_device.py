"""Change the colours of batches as `pixels` does those of single images, on any device.

Images are ``(n, 3, H, W)`` float32 BGR of 0 to 255. Every image has a value of its own, in
``(n, 1, 1, 1)``. Nothing is rounded to 8 bits, and nothing is random.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional

Colours = Sequence[tuple]
"""The operations on a view in their order: names of `pixels`' functions, each with its value."""


def pack_colours(views: Sequence[Colours]) -> Tensor:
    """Write down the operations on each view as numbers.

    Returns:
        ``(V, 7, 2, 1)``: number of the operation, 0 for none, and value. Jitter has the first four
        places, in its order; then come grey, blur and solarisation.
    """
    rows = [[(0.0, 0.0)] * len(_NAMES) for _ in views]
    for row, colours in zip(rows, views):
        for place, (name, *value) in enumerate(colours):
            number = _NAMES.index(name)
            row[place if number < _NUM_JITTER else number] = (number + 1, *(value or [0]))
    return torch.tensor(rows)[..., None]


def change_colours(views: Sequence[Tensor], colours: Tensor) -> list[Tensor]:
    """Change the colours of a batch of views; views of one size are changed together.

    Args:
        views: V tensors of ``(B, 3, H, W)``.
        colours: As `pack_colours` gives them, ``(B, V, 7, 2, 1)``. On the CPU, or the host waits
            for the device.

    Returns:
        The views in float32.
    """
    colours, changed = colours.transpose(0, 1), list(views)
    for size in dict.fromkeys(view.shape for view in views):
        alike = [index for index, view in enumerate(views) if view.shape == size]
        images = torch.cat([views[index] for index in alike]).float()
        _change(images, colours[alike].flatten(0, 1))
        for index, images_of_view in zip(alike, images.chunk(len(alike))):
            changed[index] = images_of_view
    return changed


def _change(images: Tensor, colours: Tensor) -> None:
    """Change images in place, place by place: all that have the same operation there at once."""
    numbers, values = colours[..., 0].permute(2, 1, 0)  # (7, n) each
    order = numbers.argsort(dim=1)
    values = values.gather(1, order).to(images.device)
    counts = [row.long().bincount(minlength=1 + len(_NAMES)).tolist() for row in numbers]
    for row, value, count in zip(order.to(images.device), values, counts):
        groups = zip(row.split(count)[1:], value.split(count)[1:])
        for operation, (picked, given) in zip(_OPERATIONS, groups, strict=True):
            if len(picked):
                images[picked] = operation(images[picked], given[:, None, None, None])


def adjust_brightness(images: Tensor, factor: Tensor) -> Tensor:
    """Multiply by a factor."""
    return (images * factor).clamp_(0, 255)


def adjust_contrast(images: Tensor, factor: Tensor) -> Tensor:
    """Multiply the distance from the mean grey by a factor."""
    return _grey(images).mean(dim=(-2, -1), keepdim=True).lerp(images, factor).clamp_(0, 255)


def adjust_saturation(images: Tensor, factor: Tensor) -> Tensor:
    """Multiply the distance from each pixel's grey by a factor."""
    return _grey(images).lerp(images, factor).clamp_(0, 255)


def adjust_hue(images: Tensor, shift: Tensor) -> Tensor:
    """Turn hues by a share of the circle."""
    blue, green, red = images.unbind(1)
    value = images.amax(1)
    chroma = value - images.amin(1)
    divisor = chroma.clamp(min=1e-6)  # where it is 0, so is what is divided
    sixths = torch.where(value == green, 2 + (blue - red) / divisor, 4 + (red - green) / divisor)
    sixths = torch.where(value == red, (green - blue) / divisor, sixths) + 6 * shift[:, 0]
    turned = []
    for start in (1, 3, 5):  # blue, green, red
        place = (start + sixths) % 6
        turned.append(value - chroma * torch.minimum(place, 4 - place).clamp_(0, 1))
    return torch.stack(turned, dim=1)


def to_grey(images: Tensor, _: Tensor) -> Tensor:
    """Replace colours by grey in all three channels."""
    return _grey(images).expand_as(images)


def blur(images: Tensor, sigma: Tensor) -> Tensor:
    """Blur each image by a Gaussian of its own ``sigma`` pixels."""
    sigma = sigma.clamp(min=0.1)  # changes nothing, and 0 is no division
    count, channels, height, width = images.shape
    radius = math.ceil(4 * sigma.max().item())
    steps = torch.arange(-radius, radius + 1, device=images.device) / sigma.flatten(1)
    weights = (-(steps**2) / 2).softmax(dim=1)  # (n, 2 radius + 1)
    weights = weights.repeat_interleave(channels, dim=0)[:, None]
    images = functional.pad(images, [radius] * 4, mode='replicate').flatten(0, 1)[None]
    images = functional.conv2d(images, weights[..., None], groups=count * channels)
    images = functional.conv2d(images, weights[:, :, None], groups=count * channels)
    return images.view(count, channels, height, width)


def solarize(images: Tensor, _: Tensor) -> Tensor:
    """Invert the values from 128 on."""
    return torch.where(images < 128, images, 255 - images)


def _grey(images: Tensor) -> Tensor:
    """Return the luma, ``(n, 1, H, W)``."""
    blue, green, red = images.split(1, dim=1)
    return 0.114 * blue + 0.587 * green + 0.299 * red


_NUM_JITTER = 4
_OPERATIONS = (
    *(adjust_brightness, adjust_contrast, adjust_saturation, adjust_hue),
    *(to_grey, blur, solarize),
)
_NAMES = [operation.__name__ for operation in _OPERATIONS]
