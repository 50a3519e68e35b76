"""Every demo-size pre-training takes twenty steps on the embedded data, and its loss goes down.

The models, the augmentation, the optimiser and the hooks are the config's own; the rate stays at
the optimiser's value, where a run would still be warming up.
"""

from itertools import cycle, islice
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from mmengine.logging import MessageHub
from mmengine.optim import build_optim_wrapper
from mmengine.registry import MODELS
from mmengine.runner import Runner
from mmpretrain.registry import HOOKS

from mmmask.config.read import read_config
from mmmask.datasets.material_scenes import prepare
from mmmask.datasets.spec import MaterialScenesSpec

DEMOS = Path(__file__).parents[2] / 'configs' / 'demo'
PRETRAININGS = sorted(
    path.stem.removesuffix('_material-scenes')
    for path in DEMOS.glob('*.py')
    if 'knn' in read_config(str(path)).get('default_hooks', {})
)
BATCH, STEPS = 32, 20


@pytest.fixture(scope='module')
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp('material_scenes')
    prepare(folder, MaterialScenesSpec(cls_train=8, cls_val=1), trees=('cls',))
    return folder / 'cls'


def losses_of(name, data):
    cfg = read_config(str(DEMOS / f'{name}_material-scenes.py'))
    torch.manual_seed(0)
    np.random.seed(0)
    cfg.train_dataloader.update(batch_size=BATCH, dataset={'data_root': str(data)})
    if name.startswith('gpa-frozen'):
        cfg.model.scorer.backbone.init_cfg = None  # the checkpoint is the user's to choose
    loader = Runner.build_dataloader(cfg.train_dataloader, seed=0)
    model = MODELS.build(dict(cfg.model, data_preprocessor=cfg.data_preprocessor))
    model.init_weights()
    wrapper = build_optim_wrapper(model, cfg.optim_wrapper)
    runner = SimpleNamespace(model=model, optim_wrapper=wrapper)
    teacher = cfg.default_hooks.get('ema_teacher')
    teacher = HOOKS.build(teacher) if teacher else None
    hub = MessageHub.get_current_instance()  # where mmpretrain's moving averages read progress
    hub.update_info('max_iters', STEPS)
    losses = []
    for step, batch in enumerate(islice(cycle(loader), STEPS)):
        hub.update_info('iter', step)
        losses.append(float(model.train_step(batch, wrapper)['loss']))
        if teacher:
            teacher.after_train_iter(runner, step)
    return losses


def test_every_system_has_a_demo():
    systems = ('dino', 'ibot', 'attmask', 'mst', 'mae', 'gpa', 'ccmim', 'convmae', 'cae')
    for system in systems:
        assert any(name.startswith(system) for name in PRETRAININGS), system


@pytest.mark.parametrize('name', PRETRAININGS)
def test_twenty_steps_bring_the_loss_down(name, data):
    losses = losses_of(name, data)
    assert np.isfinite(losses).all()
    assert np.mean(losses[-5:]) < np.mean(losses[:5])
