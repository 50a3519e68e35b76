"""What has to be mended in the installed stack before a config is read."""

import warnings
from importlib.metadata import PackageNotFoundError, version

from mmengine.config import utils as config_utils
from mmpretrain.utils import dependency


def mend_mmseg_configs() -> None:
    """Let ``_base_ = 'mmseg::...'`` find the installed package.

    mmengine maps ``mmseg`` to the distribution ``mmsegmentation``, which the maintained fork isn't
    called.
    """
    config_utils.MODULE2PACKAGE['mmseg'] = 'mmseg'


def leave_out_multimodal_models() -> None:
    """Let mmpretrain be imported where transformers 5 is installed.

    mmpretrain's models of images and text take parts of transformers that version 5 has no more:
    the import of all of its models fails with a TypeError. They are left out, as without
    transformers.
    """
    try:
        installed = int(version('transformers').split('.')[0])
    except (PackageNotFoundError, ValueError):
        return
    if installed >= 5:
        dependency.WITH_MULTIMODAL = False


def silence_mmdet() -> None:
    """Leave out mmdet's warning about an optional package, given at every import."""
    warnings.filterwarnings('ignore', message='faster_coco_eval is not installed')
