"""Every demo-size pre-training takes twenty steps on the embedded data, and its loss goes down.

The models, the augmentation, the optimiser and the hooks are the config's own. The rate stays at
the optimiser's value, where a run would still be warming up. The first step is checked as those of
the papers' sizes are.
"""

import copy
from itertools import cycle, islice
from types import SimpleNamespace

import numpy as np
import pytest
from config_values import CONFIGS, config
from mmengine.logging import MessageHub
from mmengine.runner import Runner
from mmpretrain.registry import HOOKS
from steps import SHRINK, checked_step, start

from mmmask.datasets.material_scenes import prepare
from mmmask.datasets.spec import MaterialScenesSpec

DEMOS = {path.stem: f'demo/{path.stem}' for path in (CONFIGS / 'demo').glob('*.py')}
PRETRAININGS = sorted(
    stem.removesuffix('_material-scenes')
    for stem, name in DEMOS.items()
    if config(name).model.type in SHRINK
)
BATCH, STEPS = 32, 20


@pytest.fixture(scope='module')
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp('material_scenes')
    prepare(folder, MaterialScenesSpec(cls_train=8, cls_val=1), trees=('cls',))
    return folder / 'cls'


def losses_of(name, data):
    cfg = copy.deepcopy(config(f'demo/{name}_material-scenes'))
    cfg.train_dataloader.update(batch_size=BATCH, dataset={'data_root': str(data)})
    loader = Runner.build_dataloader(cfg.train_dataloader, seed=0)
    model, wrapper = start(cfg, STEPS)
    runner = SimpleNamespace(model=model, optim_wrapper=wrapper)
    teacher = cfg.default_hooks.get('ema_teacher')
    teacher = HOOKS.build(teacher) if teacher else None
    hub = MessageHub.get_current_instance()  # where mmpretrain's moving averages read progress
    losses = []
    for step, batch in enumerate(islice(cycle(loader), STEPS)):
        hub.update_info('iter', step)
        if step == 0:
            logs = checked_step(cfg, model, wrapper, batch)
        else:
            logs = model.train_step(batch, wrapper)
        losses.append(float(logs['loss']))
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
