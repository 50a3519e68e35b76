"""Networks of our own configs: what they attend to, and that they load whole."""

import numpy as np
import pytest
import torch
from mmengine.config import Config
from tiny_network import SELF_DISTILLATION

from mmmask.probe import Probe, build_network
from mmmask.utils.errors import UserError

CONFIG = Config(dict(default_scope='mmpretrain', model=SELF_DISTILLATION))


def test_attention_is_that_of_the_normalised_image():
    probe = Probe('none', CONFIG, size=24, seed=3)
    model = probe.model
    image = np.random.default_rng(0).integers(0, 256, (24, 24, 3), np.uint8)
    scores = torch.from_numpy(probe.attention(image))
    assert scores.shape == (2, 3, 3)
    # By hand: normalise in RGB, take the last block's CLS row.
    mean, std = torch.tensor([10.0, 20, 30]), torch.tensor([1.0, 2, 4])
    view = ((torch.from_numpy(image).float() - mean) / std).permute(2, 0, 1)[None]
    seen = []
    block = model.teacher.backbone.layers[-1]
    handle = block.attn.register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0]))
    with torch.no_grad():
        model.teacher.backbone(view)
        qkv = block.attn.qkv(seen[0]).reshape(1, 10, 3, 2, 4)
    handle.remove()
    for head in range(2):
        logits = qkv[0, :, 1, head] @ qkv[0, 0, 0, head] / 2  # sqrt(4)
        torch.testing.assert_close(scores[head].flatten(), logits.softmax(0)[1:])


def test_networks_repeat_and_load_whole(tmp_path):
    one, same, other = (build_network(CONFIG, 'none', seed) for seed in (1, 1, 2))
    weights = [m.backbone.cls_token for m in (one, same, other)]
    assert torch.equal(weights[0], weights[1]) and not torch.equal(weights[0], weights[2])
    assert not one.training and not one.backbone.training
    torch.save(dict(state_dict=one.state_dict(), meta={}), tmp_path / 'a.pth')
    loaded = build_network(CONFIG, str(tmp_path / 'a.pth'), seed=5)
    assert all(torch.equal(v, loaded.state_dict()[k]) for k, v in one.state_dict().items())
    state = {k: v for k, v in one.state_dict().items() if 'cls_token' not in k}
    torch.save(dict(state_dict=state, meta={}), tmp_path / 'b.pth')
    with pytest.raises(UserError, match='cls_token'):
        build_network(CONFIG, str(tmp_path / 'b.pth'))


def test_a_config_s_data_preprocessor_is_the_model_s(tmp_path):
    """mmengine's runner hands it on; without it, pictures would be of images as they are."""
    model = {k: v for k, v in SELF_DISTILLATION.items() if k != 'data_preprocessor'}
    apart = Config(
        dict(CONFIG, model=model, data_preprocessor=SELF_DISTILLATION['data_preprocessor'])
    )
    image = np.random.default_rng(0).integers(0, 256, (16, 16, 3)).astype(np.uint8)
    found, expected = (Probe('none', config) for config in (apart, CONFIG))
    assert np.array_equal(found.attention(image), expected.attention(image))
    black = np.zeros((16, 16, 3), np.uint8)
    assert found.inputs([black])[0, :, 0, 0].tolist() == [-10.0, -10.0, -7.5]
