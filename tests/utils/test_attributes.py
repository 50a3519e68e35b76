"""An attribute is set for a while, and each object gets its own value back."""

from types import SimpleNamespace

import pytest

from mmmask.utils.attributes import attribute_set


def test_each_object_gets_its_own_value_back_also_after_an_error():
    first, second = SimpleNamespace(mode=1), SimpleNamespace(mode=2)
    with pytest.raises(KeyError), attribute_set([first, second], 'mode', 0):
        assert (first.mode, second.mode) == (0, 0)
        raise KeyError
    assert (first.mode, second.mode) == (1, 2)
