"""Every config of a paper has the paper's values."""

from collections import defaultdict

import numpy as np
import pytest
from config_values import CONFIGS, value
from paper_values import ROWS

FOLDERS = ('attmask', 'ccmim', 'dino', 'gpa', 'ibot', 'mae', 'mst', 'transfer')
EXPECTED = defaultdict(list)
for row in ROWS:
    for config in row.names:
        EXPECTED[config].append(row)


def plain(value):
    """Sequences as tuples, also within dicts."""
    if isinstance(value, dict):
        return {key: plain(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return tuple(map(plain, value))
    return value


def equal(found, expected):
    found, expected = plain(found), plain(expected)
    if isinstance(expected, tuple) and isinstance(found, tuple):
        return len(found) == len(expected) and all(map(equal, found, expected))
    if isinstance(expected, float) and isinstance(found, (int, float)):
        return bool(np.isclose(found, expected, rtol=1e-9, atol=1e-12))
    return found == expected


def test_every_config_of_a_paper_has_a_row():
    files = {path for folder in FOLDERS for path in (CONFIGS / folder).rglob('*.py')}
    names = {str(path.relative_to(CONFIGS).with_suffix('')) for path in files}
    assert {name for name in names if '_base_' not in name} == set(EXPECTED)


@pytest.mark.parametrize('name', EXPECTED)
def test_values(name):
    for where, _, values in EXPECTED[name]:
        found = {path: value(name, path) for path in values}
        wrong = {p: (found[p], v) for p, v in values.items() if not equal(found[p], v)}
        assert not wrong, f'{where}: found, expected'
