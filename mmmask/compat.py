"""What has to be mended in the installed stack before a config is read."""

import warnings

from mmengine.config import utils as config_utils


def mend_mmseg_configs() -> None:
    """Let ``_base_ = 'mmseg::...'`` find the installed package.

    mmengine maps ``mmseg`` to the distribution ``mmsegmentation``, which the maintained fork isn't
    called.
    """
    config_utils.MODULE2PACKAGE['mmseg'] = 'mmseg'


def silence_mmdet() -> None:
    """Leave out mmdet's warning about an optional package, given at every import."""
    warnings.filterwarnings('ignore', message='faster_coco_eval is not installed')
