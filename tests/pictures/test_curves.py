import base64
import io

import numpy as np
from PIL import Image

from mmmask.pictures import Curve, Panel, curves, jpeg_uri, svg_uri


def test_curves_are_drawings_that_repeat():
    panels = [
        Panel('loss', [Curve([1, 2], [3.0, 2.0], 'a'), Curve([1, 2], [3.0, 1.0], 'a')]),
        Panel('lr', [Curve([1, 2], [1e-3, 1e-5], '')], log=True, marked=True),
        Panel('empty'),
    ]
    text = curves(panels)
    assert text == curves(panels)
    assert text.count('#2463c9') >= 3 and '<svg' in text and '<text' not in text


def test_addresses_hold_the_picture():
    image = np.full((8, 9, 3), 128, np.uint8)
    kind, data = jpeg_uri(image).split(',')
    assert kind == 'data:image/jpeg;base64'
    decoded = np.asarray(Image.open(io.BytesIO(base64.b64decode(data))))
    assert decoded.shape == (8, 9, 3) and abs(int(decoded[0, 0, 0]) - 128) <= 1
    assert base64.b64decode(svg_uri('<svg/>').split(',')[1]) == b'<svg/>'
