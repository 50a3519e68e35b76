"""Numbers that make no sense are refused with their name."""

import pytest

from mmmask.datasets.spec import MaterialScenesSpec
from mmmask.utils.errors import UserError


@pytest.mark.parametrize(
    'name, value',
    [
        ('cls_train', 0),
        ('scenes_val', -1),
        ('cls_size', 8),
        ('grey', 1.5),
        ('zoom', (0.0, 1.0)),
        ('zoom', (1.2, 0.8)),
        ('contrast', (0.5, 1.0, 2.0)),
        ('radius', (0.1, 0.6)),
        ('jpeg_quality', 101),
        ('objects', (0, 2)),
        ('brightness', (-0.1, 0.5)),
    ],
)
def test_a_wrong_value_is_named(name, value):
    with pytest.raises(UserError, match=name):
        MaterialScenesSpec(**{name: value})


def test_lists_become_tuples():
    assert MaterialScenesSpec(zoom=[0.5, 1.0]).zoom == (0.5, 1.0)
