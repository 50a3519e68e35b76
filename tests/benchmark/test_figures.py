import numpy as np
import pytest
import torch
from mmengine.config import Config
from PIL import Image

from mmmask.benchmark.figures.predictions import _decoded, _resized
from mmmask.pictures import pick_images, read_square
from mmmask.probe import Probe, build_network
from mmmask.utils.errors import UserError

MODEL = dict(
    type='SelfDistillation',
    backbone=dict(
        type='MaskedVisionTransformer',
        arch=dict(embed_dims=8, num_layers=2, num_heads=2, feedforward_channels=16),
        img_size=16,
        patch_size=8,
        drop_path_rate=0.5,
    ),
    neck=dict(
        type='DINOProjection',
        in_channels=8,
        out_channels=4,
        hidden_channels=8,
        bottleneck_channels=4,
    ),
    head=dict(type='SelfDistillationHead', out_channels=4),
    masker=dict(type='HighAttentionMasker'),
    scorer=dict(type='TeacherScorer', attention=dict(type='AttentionTap')),
    data_preprocessor=dict(
        type='SelfSupDataPreprocessor', mean=[10, 20, 30], std=[1, 2, 4], to_rgb=True
    ),
)
CONFIG = Config(dict(default_scope='mmpretrain', model=MODEL))


def test_images_are_spread_evenly(tmp_path):
    for i in range(9):
        (tmp_path / f'{i}.jpg').write_bytes(b'')
    assert [p.stem for p in pick_images(tmp_path, '*.jpg', 3)] == ['0', '4', '8']
    assert len(pick_images(tmp_path, '*.jpg', 20)) == 9
    with pytest.raises(UserError, match='no image matches'):
        pick_images(tmp_path, '*.png', 3)


def test_the_central_square(tmp_path):
    image = np.zeros((4, 8, 3), np.uint8)
    image[:, 2:6] = (10, 20, 30)
    Image.fromarray(image).save(tmp_path / 'a.png')
    assert (read_square(tmp_path / 'a.png', 4) == (10, 20, 30)).all()


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


def test_coco_masks_and_resizing():
    square_outline = [[1.0, 1.0, 3.0, 1.0, 3.0, 3.0, 1.0, 3.0]]
    expected = np.zeros((4, 5), bool)
    expected[1:3, 1:3] = True
    assert (_decoded(square_outline, (4, 5)) == expected).all()
    runs = dict(counts=[5, 2, 2, 2, 9], size=[4, 5])  # down the columns
    assert (_decoded(runs, (4, 5)) == expected).all()
    assert _resized(np.array([[1, 2]]), (2, 4)).tolist() == [[1, 1, 2, 2]] * 2


def test_a_config_s_data_preprocessor_is_the_model_s(tmp_path):
    """mmengine's runner hands it on; without it, pictures would be of images as they are."""
    model = {k: v for k, v in MODEL.items() if k != 'data_preprocessor'}
    apart = Config(dict(CONFIG, model=model, data_preprocessor=MODEL['data_preprocessor']))
    image = np.random.default_rng(0).integers(0, 256, (16, 16, 3)).astype(np.uint8)
    found, expected = (Probe('none', config) for config in (apart, CONFIG))
    assert np.array_equal(found.attention(image), expected.attention(image))
    black = np.zeros((16, 16, 3), np.uint8)
    assert found.inputs([black])[0, :, 0, 0].tolist() == [-10.0, -10.0, -7.5]
