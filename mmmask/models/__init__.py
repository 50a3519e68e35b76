from . import algorithms, attention, backbones, classifiers, heads, losses, maskers, necks  # noqa: F401
