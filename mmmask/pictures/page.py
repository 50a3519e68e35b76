"""Pages that show pictures: a folder's, and addresses that hold a picture."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

if TYPE_CHECKING:
    from .figure import Sheet

_PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>{title}</title>
<style>
body {{ font: 15px/1.5 sans-serif; margin: 2em; color: #1c1e22; }}
img {{ max-width: 100%; display: block; margin: .6em 0; }}
p {{ max-width: 52em; color: #555; }}
</style>
<h1>{title}</h1>
<p>{facts}</p>
{body}
</html>
"""


def write_page(folder: Path, title: str, facts: Sequence[str], sheets: Sequence[Sheet]) -> Path:
    """Write every sheet as a PNG, and ``index.html`` with relative links to them; return its path.

    Args:
        folder: Exists.
        title: Of the page.
        facts: Below it, how the pictures were made.
        sheets: What is shown, in order.
    """
    body = []
    for sheet in sheets:
        Image.fromarray(sheet.image).save(folder / f'{sheet.name}.png')
        body += [f'<h2>{escape(sheet.title)}</h2>'] if sheet.title else []
        link = escape(f'{sheet.name}.png')
        body.append(f'<a href="{link}"><img src="{link}" alt="{escape(sheet.name)}"></a>')
        caption = sheet.caption[:1].upper() + sheet.caption[1:]
        body += [f'<p>{escape(caption)}</p>'] if caption else []
    text = _PAGE.format(
        title=escape(title), facts='<br>'.join(map(escape, facts)), body='\n'.join(body)
    )
    page = folder / 'index.html'
    page.write_text(text, encoding='utf-8')
    return page


def jpeg_uri(image: np.ndarray) -> str:
    """Return a ``data:`` address of an (H, W, 3) uint8 image."""
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, 'JPEG', quality=88)
    return 'data:image/jpeg;base64,' + base64.b64encode(buffer.getvalue()).decode()


def png_uri(content: bytes) -> str:
    """Return a ``data:`` address of a PNG file."""
    return 'data:image/png;base64,' + base64.b64encode(content).decode()


def svg_uri(text: str) -> str:
    """Return a ``data:`` address of an SVG drawing."""
    return 'data:image/svg+xml;base64,' + base64.b64encode(text.encode()).decode()
