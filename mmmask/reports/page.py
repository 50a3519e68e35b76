"""Renders pages that need nothing else: style and script stand in the file."""

from __future__ import annotations

from jinja2 import Environment, PackageLoader, StrictUndefined

from mmmask.utils.text import in_words, plural

from .table import p_text

_TEMPLATES = Environment(
    loader=PackageLoader('mmmask.reports', ''),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_TEMPLATES.filters.update(words=in_words, short=lambda digest: (digest or '')[:12])
_TEMPLATES.filters.update(p_text=p_text, plural=plural)


def render_page(template: str, **values: object) -> str:
    """Return the page of a template of this package, which extends ``page.html``."""
    return _TEMPLATES.get_template(template).render(values)
