import mmmask.compat

from . import (  # noqa: F401
    algorithms,
    attention,
    backbones,
    classifiers,
    heads,
    losses,
    maskers,
    necks,
    target_generators,
)
