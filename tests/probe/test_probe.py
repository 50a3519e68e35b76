"""A probe of a backbone: its weights, its input, and its refusals."""

import numpy as np
import pytest
import torch

from mmmask.config.read import read_config
from mmmask.models.attention import AttentionTap
from mmmask.probe import Probe
from mmmask.probe import probe as probe_module
from mmmask.transfer import loading, read_checkpoint
from mmmask.utils.errors import UserError


@pytest.mark.parametrize(
    'source, prefix',
    [('auto', 'teacher.backbone.'), ('teacher', 'teacher.backbone.'), ('student', 'backbone.')],
)
def test_which_weights(config, checkpoint, source, prefix):
    probe = Probe(str(checkpoint), read_config(str(config)), source, backbone_only=True)
    assert probe.source == prefix.split('.')[0].replace('backbone', 'student')
    assert (probe.size, probe.grid) == (32, (4, 4))
    saved = torch.load(checkpoint, weights_only=True)['state_dict']
    for name, value in probe.backbone.state_dict().items():
        assert torch.equal(value, saved[prefix + name])
    assert not any(module.training for module in probe.backbone.modules())


def test_an_untrained_network_follows_its_seed(config):
    a, b, c = (
        Probe('none', read_config(str(config)), seed=seed, backbone_only=True).backbone.cls_token
        for seed in (0, 0, 1)
    )
    assert torch.equal(a, b) and not torch.equal(a, c)


@pytest.mark.parametrize('rgb', [True, False])
def test_images_are_normalised_as_the_config_says(config, checkpoint, rgb):
    config.write_text(config.read_text().replace('to_rgb=True', f'to_rgb={rgb}'))
    probe = Probe(str(checkpoint), read_config(str(config)), size=16, backbone_only=True)
    assert probe.grid == (2, 2)
    seen = []
    probe.backbone.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    image = np.zeros((16, 16, 3), np.uint8) + np.array([200, 50, 190], np.uint8)
    records = probe.read([image, image], dict(cls=AttentionTap()))
    assert records['cls'].scores().shape == (2, 4)
    expected = [2.0, -1, 1] if rgb else [1.8, -1, 200 / 70 - 120 / 70]
    np.testing.assert_allclose(seen[0][1, :, 3, 5], expected, rtol=1e-6)


def test_what_is_refused(config, checkpoint):
    def message(*args, **kwargs):
        with pytest.raises(UserError) as caught:
            probe = Probe(*args, read_config(str(config)), **kwargs, backbone_only=True)
            probe.read([np.zeros((32, 32, 3), np.uint8)], taps)
        assert '\n' not in str(caught.value)
        return str(caught.value)

    taps = {}
    assert '--size 30 is no whole number of patches of 8 pixels: take 32' in message(
        'none', size=30
    )
    assert "There is no checkpoint 'nothing.pth'" in message('nothing.pth')
    taps = dict(cls=AttentionTap(blocks=(5,)))
    assert 'reads blocks [5], but the backbone has 2 blocks' in message('none')
    config.write_text(config.read_text().replace('num_heads=2', 'num_heads=4'))
    assert 'number of attention heads' in message(str(checkpoint))
    config.write_text("model = dict(backbone=dict(type='mmpretrain.ResNet', depth=18))")
    assert "read off a ViT's blocks, and ResNet is none" in message('none')
    config.write_text("model = dict(backbone=dict(type='mmpretrain.Nothing'))")
    assert "The config's backbone can't be built" in message('none')
    config.write_text("model = dict(type='Nothing')")
    assert 'has no model.backbone' in message('none')


def test_a_checkpoint_of_ours_is_read_once(checkpoint, monkeypatch):
    read = []

    def keep(*args, **kwargs):
        read.append(args)
        return read_checkpoint(*args, **kwargs)

    for module in (probe_module, loading):
        monkeypatch.setattr(module, 'read_checkpoint', keep)
    Probe(str(checkpoint))
    assert len(read) == 1
