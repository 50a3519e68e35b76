"""The demo's probes train on the features of our checkpoints and of foreign ones."""

import json
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmpretrain.registry import MODELS
from timm.models.vision_transformer import VisionTransformer

from mmmask.config.read import read_config
from mmmask.datasets.material_scenes import prepare
from mmmask.datasets.spec import MaterialScenesSpec

CONFIGS = Path(__file__).parents[2] / 'configs'


@pytest.fixture(scope='module')
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp('material_scenes')
    prepare(folder, MaterialScenesSpec(cls_train=10, cls_val=5), trees=('cls',))
    return str(folder / 'cls')


@pytest.mark.parametrize(
    'name, foreign', [('linear-mae', False), ('attentive-ep', True), ('attentive-cross', False)]
)
def test_a_probe_learns(data, tmp_path, run_train, name, foreign):
    cfg = read_config(str(CONFIGS / f'demo/{name}_vit-demo_material-scenes.py'))
    torch.manual_seed(0)
    if foreign:
        size = dict(img_size=32, patch_size=8, embed_dim=64, depth=3, num_heads=2, num_classes=0)
        network = VisionTransformer(**size)
    else:
        network = MODELS.build({**cfg.model.backbone, 'init_cfg': None})
        network.init_weights()
    torch.save(network.state_dict(), tmp_path / 'pretrained.pth')
    cfg.model.backbone.init_cfg.checkpoint = str(tmp_path / 'pretrained.pth')
    for loader in (cfg.train_dataloader, cfg.val_dataloader):
        loader.dataset.data_root = data
    cfg.train_dataloader.batch_size = 27  # 108 of 120 images are not held out
    Config(cfg.to_dict()).dump(tmp_path / 'probe.py')
    assert run_train([str(tmp_path / 'probe.py'), '--work-dir', str(tmp_path / 'run')]) == 0
    result = json.loads((tmp_path / 'run/result.json').read_text())
    assert max(v for k, v in result['metrics'].items() if 'top1_lr' in k) > 100 / 12
    assert result['protocol']['probes'] == 6
    assert result['protocol']['selected_on'] == 'held-out training images'
