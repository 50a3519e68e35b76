"""mmdet's and mmseg's own loaders, which take what fits, are made as strict as any."""

from __future__ import annotations

from unittest import mock

import pytest
import torch
from mmdet.models.backbones import SwinTransformer
from mmengine.config import ConfigDict
from mmengine.model import PretrainedInit
from mmengine.runner import CheckpointLoader
from mmseg.models.backbones import VisionTransformer
from tiny_backbones import below, randomise

from mmmask.config.init_cfg import was_loaded
from mmmask.transfer import Pretrained
from mmmask.transfer.own_loaders import strict_own_loaders
from mmmask.utils.errors import UserError

SWIN = dict(embed_dims=8, depths=(1, 1), num_heads=(1, 2), strides=(4, 2), out_indices=(0, 1))
VIT = dict(img_size=32, patch_size=8, embed_dims=12, num_layers=2, num_heads=3, out_indices=(1,))


def save(tmp_path, module, but='none') -> str:
    content = {n: v for n, v in below('backbone.', module).items() if but not in n}
    torch.save(dict(state_dict=content), tmp_path / 'c.pth')
    return str(tmp_path / 'c.pth')


def initialise(module) -> None:
    with strict_own_loaders(module):
        module.init_weights()


@pytest.mark.parametrize(
    'kind', ['Pretrained', 'mmengine.Pretrained', PretrainedInit, Pretrained], ids=str
)
def test_mmdet_s_swin(tmp_path, kind):
    source = randomise(SwinTransformer(**SWIN, window_size=4), 1)
    init_cfg = ConfigDict(type=kind, checkpoint=save(tmp_path, source))
    swin = SwinTransformer(**SWIN, window_size=4, init_cfg=init_cfg)
    initialise(swin)
    loaded = swin.state_dict()
    assert all(torch.equal(loaded[name], value) for name, value in source.state_dict().items())
    assert was_loaded(swin) and 'init_weights' not in vars(swin)
    save(tmp_path, source, but='stages.1.blocks.0.ffn')
    swin = SwinTransformer(**SWIN, window_size=4, init_cfg=init_cfg)
    with pytest.raises(UserError, match='4 missing in the file .stages.1.blocks.0.ffn'):
        initialise(swin)


def test_mmseg_s_vit_with_a_list(tmp_path):
    """Its own loader would run behind the strict one, to look whether values last."""
    source = randomise(VisionTransformer(**VIT), 1)
    init_cfg = [dict(type='Pretrained', checkpoint=save(tmp_path, source))]
    for start in (initialise, VisionTransformer.init_weights):
        vit = VisionTransformer(**VIT, init_cfg=init_cfg)
        with mock.patch.object(CheckpointLoader, 'load_checkpoint') as own:
            start(vit)
        assert not own.called
        loaded = vit.state_dict()
        assert all(torch.equal(loaded[name], value) for name, value in source.state_dict().items())
