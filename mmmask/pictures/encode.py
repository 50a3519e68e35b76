"""Pictures inside a page."""

from __future__ import annotations

import base64
import io

import numpy as np
from PIL import Image


def jpeg_uri(image: np.ndarray, quality: int = 88) -> str:
    """An (H, W, 3) uint8 image as a ``data:`` address."""
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, 'JPEG', quality=quality)
    return 'data:image/jpeg;base64,' + base64.b64encode(buffer.getvalue()).decode()


def svg_uri(text: str) -> str:
    """An SVG drawing as a ``data:`` address."""
    return 'data:image/svg+xml;base64,' + base64.b64encode(text.encode()).decode()
