"""Read pickles of arrays and plain values, which may come from strangers."""

from __future__ import annotations

import io
import pickle
from pathlib import Path
from typing import Any

from mmmask.utils.errors import UserError


class _Unpickler(pickle.Unpickler):
    """Makes numpy arrays and plain values only: a pickle of strangers can't run anything."""

    allowed = (
        ('numpy', 'ndarray'),
        ('numpy', 'dtype'),
        ('numpy.core.multiarray', '_reconstruct'),
        ('numpy._core.multiarray', '_reconstruct'),
        ('numpy.core.multiarray', 'scalar'),
        ('numpy._core.multiarray', 'scalar'),
        ('_codecs', 'encode'),
    )

    def find_class(self, module: str, name: str) -> object:
        """Refuse what isn't allowed."""
        if (module, name) not in self.allowed:
            raise pickle.UnpicklingError(f'it would call {module}.{name}')
        return super().find_class(module.replace('numpy.core', 'numpy._core'), name)


def load_pickle(path: Path) -> Any:
    """Return the content of a pickle of arrays and plain values, also of Python 2.

    Raises:
        UserError: It is cut off, damaged, or no such pickle.
    """
    try:
        return _Unpickler(io.BytesIO(path.read_bytes()), encoding='latin1').load()
    except Exception as error:  # damaged bytes are any opcode: any exception
        reason = str(error) or type(error).__name__
        raise UserError(
            f'{path} is incomplete or no pickle of arrays and plain values ({reason})'
        ) from error
