"""Draw: pure functions of arrays (RGB uint8 in, RGB uint8 or SVG text out), sheets and charts."""

from .curves import Curve, Panel, curves
from .draw import draw_instances, draw_segmentation
from .files import find_images, pick_images, read_image, read_square
from .overlay import colour_bar, enlarge, heat_map, magnify, overlay_heat, overlay_mask, paste
from .page import jpeg_uri, png_uri, svg_uri
from .sheet import Cell, SheetRow, contact_sheet

__all__ = [
    'Cell',
    'Curve',
    'Panel',
    'SheetRow',
    'colour_bar',
    'contact_sheet',
    'curves',
    'draw_instances',
    'draw_segmentation',
    'enlarge',
    'find_images',
    'heat_map',
    'jpeg_uri',
    'magnify',
    'overlay_heat',
    'overlay_mask',
    'paste',
    'pick_images',
    'png_uri',
    'read_image',
    'read_square',
    'svg_uri',
]
