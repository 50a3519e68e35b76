"""Every number of the material scenes, in one place."""

from __future__ import annotations

from dataclasses import dataclass, fields

from mmmask.utils.errors import UserError


@dataclass(frozen=True)
class MaterialScenesSpec:
    """The numbers of the material scenes. Ranges are ``(low, high)``, drawn uniformly.

    Attributes:
        cls_train: Classification: training images per class.
        cls_val: Classification: validation images per class.
        cls_size: Side of a classification image in pixels.
        scenes_train: Detection and segmentation: training scenes.
        scenes_val: Detection and segmentation: validation scenes.
        scene_size: Side of a scene in pixels.
        jpeg_quality: Quality of every JPEG.
        zoom: Classification: pixels of an image per pixel of a material.
        scene_zoom: The same in scenes. The grain is finer, so that a small object still shows its
            material. A scene at its own size looks like a classification image that is reduced to
            the network's size.
        min_texture: Least standard deviation of a crop, as a share of its whole material's (0
            takes any crop).
        rotation: Largest rotation of a crop in degrees, either way.
        exposure: How far the mean brightness is moved towards a random target: 0 keeps it, 1
            leaves nothing of it.
        brightness: Range of that target, of 0 to 1.
        contrast: Range of the factor on the deviation from the mean, drawn in logarithms.
        background_contrast: The same of a scene's background, which lies in a haze behind the
            objects.
        gamma: Range of the exponent, drawn in logarithms.
        cast: Standard deviation of each channel's logarithmic gain (the colour of the light).
        grey: Probability that an image (in a scene: the whole scene) is grey.
        objects: Fewest and most objects of a scene.
        radius: Range of an object's mean radius, as a share of the scene's side.
        wobble: Strength of the outline's harmonics; 0 gives ellipses.
        min_visible: Least visible area of an object, in pixels, at a scene of 128 px (scaled with
            the scene's area).
        min_visible_share: Least share of an object that stays visible under later objects.
        other_background: Probability that a scene's background is a photograph without a class.
    """

    cls_train: int = 250
    cls_val: int = 50
    cls_size: int = 64
    scenes_train: int = 400
    scenes_val: int = 100
    scene_size: int = 128
    jpeg_quality: int = 95
    zoom: tuple[float, float] = (0.75, 1.25)
    scene_zoom: tuple[float, float] = (0.5, 0.9)
    min_texture: float = 0.6
    rotation: float = 25.0
    exposure: float = 0.5
    brightness: tuple[float, float] = (0.3, 0.65)
    contrast: tuple[float, float] = (0.6, 1.4)
    background_contrast: tuple[float, float] = (0.25, 0.4)
    gamma: tuple[float, float] = (0.7, 1.4)
    cast: float = 0.05
    grey: float = 1.0
    objects: tuple[int, int] = (1, 4)
    radius: tuple[float, float] = (0.13, 0.28)
    wobble: float = 0.5
    min_visible: int = 200
    min_visible_share: float = 0.5
    other_background: float = 0.2

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if isinstance(value, list):  # as a manifest or a config gives it
                object.__setattr__(self, field.name, value := tuple(value))
            if isinstance(value, tuple) and (len(value) != 2 or not value[0] <= value[1]):
                raise UserError(f'material scenes: {field.name} must be (low, high), got {value}')
        for name in ('cls_train', 'cls_val', 'scenes_train', 'scenes_val'):
            _require(name, getattr(self, name), 1, 10**6)
        for name in ('cls_size', 'scene_size'):
            _require(name, getattr(self, name), 16, 1024)
        for name in ('exposure', 'grey', 'other_background', 'min_visible_share', 'min_texture'):
            _require(name, getattr(self, name), 0, 1)
        for name in ('zoom', 'scene_zoom', 'contrast', 'background_contrast', 'gamma', 'radius'):
            _require(f'{name} (low)', getattr(self, name)[0], 1e-3, 100)
        _require('wobble', self.wobble, 0, 1)
        _require('cast', self.cast, 0, 2)
        _require('radius (high)', self.radius[1], 0, 0.5)
        _require('rotation', self.rotation, 0, 180)
        _require('brightness (low)', self.brightness[0], 0, 1)
        _require('brightness (high)', self.brightness[1], 0, 1)
        _require('objects (low)', self.objects[0], 1, 32)
        _require('min_visible', self.min_visible, 1, 10**6)
        _require('jpeg_quality', self.jpeg_quality, 50, 100)


def _require(name: str, value: float, low: float, high: float) -> None:
    if not low <= value <= high:
        raise UserError(f'material scenes: {name} must lie in [{low:g}, {high:g}], got {value}')
