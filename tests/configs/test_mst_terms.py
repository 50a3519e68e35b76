"""MST's two losses at the paper's size: which reading of the restoration makes them alike?

"We set the restoration coefficient to 0.6, which makes the contrastive loss and the restoration
loss roughly equally weighted" (MST, Appendix 10). Eq. 9 has a mean, the appendix's listing a sum.
"""

import math

import pytest
import torch
import torch.nn.functional as F
from config_values import config
from mmengine.model import revert_sync_batchnorm

from mmmask.config.build import build_model, scope_of

VALUES = 3 * 224 * 224  # of an image: what a sum is times a mean, at least


@pytest.mark.slow
def test_the_mean_comes_nearer_than_the_sum():
    torch.manual_seed(0)
    cfg = config('mst/mst_vit-small-p16_16xb64-coslr-100e_in1k')
    with scope_of(cfg):
        model = revert_sync_batchnorm(build_model(cfg))
        model.init_weights()
    sizes = [224] * 2 + [96] * 8
    views = [  # made up, as smooth and bright as photographs
        F.interpolate(torch.randn(4, 3, 6, 6), size=(size, size), mode='bicubic') for size in sizes
    ]
    losses = model.loss(views)
    weights = [weight for weight in model.backbone.parameters() if weight.requires_grad]

    def pull(name):
        """The norm of a loss's gradient of the backbone, which both share."""
        gradients = torch.autograd.grad(losses[name], weights, retain_graph=True, allow_unused=True)
        return math.sqrt(sum(g.square().sum().item() for g in gradients if g is not None))

    cls, restoration = losses['loss_cls'].item(), losses['loss_restoration'].item()
    assert cls == pytest.approx(math.log(65536), abs=0.3)  # both sides are near uniform
    for ratio in (cls / restoration, pull('loss_cls') / pull('loss_restoration')):
        assert 1 / 40 < ratio < 40, ratio
        assert ratio / VALUES < 1 / 1000, ratio
