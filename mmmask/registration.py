"""Registers every part of this project with the mm packages. Import this module for its effect.

The command ``mmmask`` imports this module before it reads a config. So do our configs, by
``custom_imports = dict(imports=['mmmask.registration'])``, for the programs of the mm packages. A
program of your own imports it before it builds a config. ``import mmmask`` alone registers nothing,
so that the command's ``--help`` needn't load torch.
"""

import gc

import mmdet.registry
import mmseg.registry

import mmmask.compat  # noqa: F401
from mmmask import engine, evaluation, models, transfer  # noqa: F401
from mmmask.datasets import (  # noqa: F401
    cifar,
    davis,
    image_folder,
    inaturalist,
    load_image,
    numbered_folders,
    object_masks,
    real_labels,
    retrieval,
    revisited,
    transforms,
)

# Imported when a metric or a model of mmdet or mmseg is first looked for: they need all of it.
mmdet.registry.METRICS._locations.append('mmmask.evaluation.hot_coco_metric')
mmseg.registry.METRICS._locations.append('mmmask.evaluation.sized_iou_metric')
mmseg.registry.MODELS._locations.append('mmmask.models.heads.batch_norm_linear_head')

# What has been imported stays: collections needn't visit it. mmengine makes one for each data set.
gc.freeze()
