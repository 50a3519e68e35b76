"""Change the views' colours on the model's device."""

from __future__ import annotations

import torch
from mmpretrain.models import SelfSupDataPreprocessor
from mmpretrain.registry import MODELS

from .on_device import change_colours


@MODELS.register_module()
class AugmentingDataPreprocessor(SelfSupDataPreprocessor):
    """mmpretrain's ``SelfSupDataPreprocessor``, which first changes colours on the device.

    It does what ``MultiCrop(colours='device')`` drew for each view and left undone, in float32
    also with mixed precision. Other batches pass as in the parent, whose arguments it takes.
    """

    def forward(self, data: dict, training: bool = False) -> dict:
        """Return the views with their colours changed, in RGB and normalised as configured."""
        inputs = data['inputs']
        if isinstance(inputs, list) and inputs[-1].ndim == 5:  # what MultiCrop drew
            *views, colours = inputs
            views = self.cast_data(views)
            with torch.autocast(views[0].device.type, enabled=False):
                data = {**data, 'inputs': change_colours(views, colours)}
        return super().forward(data, training)
