from . import algorithms, attention, backbones, heads, losses, maskers, necks  # noqa: F401
