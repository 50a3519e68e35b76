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


def test_spreads_are_bands_or_error_bars_and_published_lines_are_dashed():
    points = dict(x=[1, 2, 4], y=[3.0, 2.0, 2.5])
    line = curves([Panel('a', [Curve(**points, label='a')], x_label='λ')])
    band = curves([Panel('a', [Curve(**points, label='a', spread=[0.1, 0.2, 0.1])], x_label='λ')])
    assert (line.count('FillBetween'), band.count('FillBetween')) == (0, 1)
    bars = Curve(**points, label='a', spread=[0.1, float('nan'), 0.1])
    marked = curves([Panel('a', [bars], marked=True, log_x=True)])
    assert 'FillBetween' not in marked and marked.count('LineCollection') == 1
    both = [Curve(**points, label='a'), Curve(**points, label='a', published=True)]
    # The published line, and its sample in the legend; both lines have one colour.
    dashed = curves([Panel('a', both)])
    assert line.count('stroke-dasharray') == 0 and dashed.count('stroke-dasharray') == 2
    assert '#d9622b' not in dashed


def test_addresses_hold_the_picture():
    image = np.full((8, 9, 3), 128, np.uint8)
    kind, data = jpeg_uri(image).split(',')
    assert kind == 'data:image/jpeg;base64'
    decoded = np.asarray(Image.open(io.BytesIO(base64.b64decode(data))))
    assert decoded.shape == (8, 9, 3) and abs(int(decoded[0, 0, 0]) - 128) <= 1
    assert base64.b64decode(svg_uri('<svg/>').split(',')[1]) == b'<svg/>'
