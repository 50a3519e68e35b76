"""Pictures: pure functions of arrays, RGB uint8 in, RGB uint8 (or SVG text) out."""

from .curves import Curve, Panel, curves
from .draw import draw_instances, draw_segmentation
from .encode import jpeg_uri, svg_uri
from .overlay import enlarge, overlay_heat, overlay_mask

__all__ = [
    'Curve',
    'Panel',
    'curves',
    'draw_instances',
    'draw_segmentation',
    'enlarge',
    'jpeg_uri',
    'overlay_heat',
    'overlay_mask',
    'svg_uri',
]
