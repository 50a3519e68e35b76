"""Miniatures: the published data sets' layouts on disk, with a few small embedded images in them.

What is written is read by the upstream data set classes unchanged, so a config for ImageNet, COCO,
ADE20K, ... can be run from end to end before the data are there. No number from it means anything.
"""

from mmmask.datasets.miniatures.write import LAYOUTS, write_miniature

__all__ = ['LAYOUTS', 'write_miniature']
