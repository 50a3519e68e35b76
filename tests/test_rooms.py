"""Packages import downwards only."""

import ast
from collections.abc import Iterator
from pathlib import Path

import mmmask

PACKAGE = Path(mmmask.__file__).parent

# From the lowest to the highest. Packages of one row don't import each other.
ROOMS = (
    ('utils',),
    ('config',),
    ('models', 'datasets'),
    ('transfer',),
    ('evaluation',),
    ('engine',),
    ('checks',),
    ('launch',),
    ('probe', 'timing'),
    ('pictures',),
    ('analysis', 'benchmark'),
    ('reports',),
    ('commands',),
)
LEVEL = {room: level for level, rooms in enumerate(ROOMS) for room in rooms}


def imported_rooms(path: Path) -> Iterator[str]:
    """Names of the packages below ``mmmask`` that a file imports, also within functions."""
    here = ('mmmask', *path.relative_to(PACKAGE).parent.parts)
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = here[: len(here) - node.level + 1] if node.level else ()
            module = '.'.join((*base, *([node.module] if node.module else [])))
            names = [f'{module}.{alias.name}' for alias in node.names]
        else:
            continue
        for name in names:
            first, _, rest = name.partition('.')
            if first == 'mmmask' and rest:
                yield rest.split('.')[0]


def test_every_room_has_a_level():
    assert {path.parent.name for path in PACKAGE.glob('*/__init__.py')} == set(LEVEL)


def test_imports_go_down():
    upwards = [
        f'{path.relative_to(PACKAGE)} imports {other}'
        for room in LEVEL
        for path in (PACKAGE / room).rglob('*.py')
        for other in imported_rooms(path)
        if other in LEVEL and other != room and LEVEL[other] >= LEVEL[room]
    ]
    assert upwards == []
