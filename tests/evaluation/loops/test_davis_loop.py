"""DAVIS 2017 from images to numbers, on a miniature of its layout."""

import json
import shutil
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from frozen_checkpoints import CONFIGS, write_foreign, write_ours
from mmengine.config import Config
from mmpretrain.models.backbones import VisionTransformer
from PIL import Image
from torch.utils.data import DataLoader
from two_ranks import on_two_ranks

from mmmask.benchmark.folder import TaskFolder
from mmmask.datasets.davis import DAVIS2017, read_objects
from mmmask.datasets.miniatures import write_miniature
from mmmask.evaluation import DavisLoop
from mmmask.evaluation.metrics import region_jaccard
from mmmask.utils.errors import UserError

CONFIG = str(CONFIGS / 'demo/davis_vit-demo_miniature.py')
OBJECTS = {'fur-on-brick': 1, 'petals-leave-grass': 2, 'print-and-tissue': 2}


@pytest.fixture(scope='module')
def root(tmp_path_factory):
    folder = tmp_path_factory.mktemp('davis')
    write_miniature('davis2017', folder)
    return folder


def arguments(checkpoint, root, work_dir, *options):
    given = [f'test_dataloader.dataset.data_root={root}', *options]
    return [CONFIG, str(checkpoint), '--work-dir', str(work_dir), '--cfg-options', *given]


def jaccards(root, predict):
    """Mean J of each object over frames 1 to 10 of 12, of what predict(sequence, frame) gives."""
    for name, count in OBJECTS.items():
        for number in range(1, count + 1):
            values = []
            for frame in range(1, 11):
                truth = read_objects(root / f'Annotations/480p/{name}/{frame:05d}.png')
                values.append(region_jaccard(predict(name, frame) == number, truth == number))
            yield sum(values) / 10


@pytest.mark.parametrize('write', [write_ours, write_foreign])
def test_a_checkpoint_of_ours_and_of_timm(write, root, tmp_path, run_test):
    assert run_test(arguments(write(tmp_path), root, tmp_path / 'run')) == 0
    result = json.loads((tmp_path / 'run/result.json').read_text())
    metrics = result['metrics']
    names = [f'{kind}_{what}' for kind in 'jf' for what in ('mean', 'recall', 'decay')]
    assert set(metrics) == {f'davis/{name}' for name in ['j_and_f_mean', *names]}
    both = (metrics['davis/j_mean'] + metrics['davis/f_mean']) / 2
    assert metrics['davis/j_and_f_mean'] == pytest.approx(both)
    values = dict(context=7, topk=5, radius=12, temperature=0.1, size=96, multiple=8)
    assert result['protocol'].items() >= (values | dict(boundary_tolerance=0.008)).items()

    def predicted(name, frame):
        with Image.open(tmp_path / f'run/davis/{name}/{frame:05d}.png') as image:
            assert image.mode == 'P' and image.getpalette()[3:6] == [128, 0, 0]
            return np.array(image)

    found = list(jaccards(root, predicted))
    assert 100 * sum(found) / 5 == pytest.approx(metrics['davis/j_mean'])
    # Sequences have 1, 2 and 2 of the 5 objects: m + 3 (sum of the sequence - m objects) / 5.
    mean, parts = sum(found) / 5, (found[:1], found[1:3], found[3:])
    expected = [100 * (mean + 3 * (sum(part) - len(part) * mean) / 5) for part in parts]
    outcomes = TaskFolder(tmp_path / 'run').outcomes
    values, unit = outcomes['davis/j_mean']
    assert values == pytest.approx(expected) and unit == 'sequence'
    for name, (values, _) in outcomes.items():
        assert values.mean() == pytest.approx(metrics[name], rel=1e-5, abs=1e-4)
    assert set(outcomes) == set(metrics)
    first = {name: read_objects(root / f'Annotations/480p/{name}/00000.png') for name in OBJECTS}
    assert all((predicted(name, 0) == mask).all() for name, mask in first.items())
    still = list(jaccards(root, lambda name, frame: first[name]))
    assert sum(found) > 1.5 * sum(still)  # objects are followed


def test_data_that_are_missing(root, tmp_path, run_test, capsys):
    checkpoint = write_ours(tmp_path)
    assert run_test(arguments(checkpoint, tmp_path / 'absent', tmp_path / 'run')) == 1
    assert 'absent' in capsys.readouterr().err.splitlines()[-1]
    broken = shutil.copytree(root, tmp_path / 'broken')
    shutil.rmtree(broken / 'JPEGImages')
    assert run_test(arguments(checkpoint, broken, tmp_path / 'run')) == 1
    assert 'fur-on-brick has 0 frames' in capsys.readouterr().err
    assert run_test(arguments(checkpoint, root, tmp_path / 'run', 'test_cfg.size=100')) == 1
    assert 'do not fill an image of 100 x 160 pixels' in capsys.readouterr().err


def network():
    torch.manual_seed(0)
    arch = dict(embed_dims=12, num_layers=1, num_heads=2, feedforward_channels=24)
    vit = VisionTransformer(arch, img_size=16, patch_size=8, out_type='raw')
    vit.init_weights()
    vit.eval()
    return vit


def preprocess(batch):
    return dict(batch, inputs=batch['inputs'].float() / 255)


def measure(root, work_dir, vit=None, **options):
    """The metrics, and how many frames the network has seen."""
    vit, seen = vit or network(), []
    hook = vit.register_forward_hook(lambda *_: seen.append(1))
    model = SimpleNamespace(backbone=vit, data_preprocessor=preprocess)
    cfg = Config(dict(model=dict(backbone=dict(type='VisionTransformer'))))
    loader = DataLoader(DAVIS2017(str(root)), collate_fn=list)
    runner = SimpleNamespace(work_dir=str(work_dir), model=model, cfg=cfg)
    loop = DavisLoop(runner, loader, [], size=96, multiple=8, **options)
    metrics = loop.measure(model)
    hook.remove()
    return metrics, len(seen)


def test_two_ranks_measure_what_one_measures(root, tmp_path):
    """Three sequences of twelve frames: the first rank has two."""
    found = on_two_ranks(lambda rank: measure(root, tmp_path / 'both/two'))
    metrics, seen = measure(root, tmp_path / 'alone/one')
    assert found == [(metrics, 24), (metrics, 12)] and seen == 36
    for path in (tmp_path / 'alone/one').rglob('*.png'):
        again = tmp_path / 'both/two' / path.relative_to(tmp_path / 'alone/one')
        assert path.read_bytes() == again.read_bytes()
    assert measure(root, tmp_path / 'both/one') == (metrics, 0)


def test_another_propagation_runs_no_network(root, tmp_path):
    metrics, seen = measure(root, tmp_path / 'first')
    assert seen == 36 and len(list((tmp_path / 'features').iterdir())) == 3
    assert measure(root, tmp_path / 'second') == (metrics, 0)
    other, seen = measure(root, tmp_path / 'third', topk=1)
    assert seen == 0 and other != metrics
    assert measure(root, tmp_path / 'fourth', topk=1, features_dir=None) == (other, 36)
    changed = network()
    changed.ln1.bias.data[0] += 1
    assert measure(root, tmp_path / 'fifth', changed)[1] == 36
    assert len(list((tmp_path / 'features').iterdir())) == 6


def test_no_more_than_the_limit_is_kept(root, tmp_path):
    gib = 4 * 36 * (12 * 20) * 12 / 2**30  # 36 frames of 12 x 20 patches of width 12
    assert measure(root, tmp_path / 'first', kept_gib=0.99 * gib)[1] == 36
    assert not (tmp_path / 'features').exists()
    assert measure(root, tmp_path / 'second', kept_gib=1.01 * gib)[1] == 36
    assert measure(root, tmp_path / 'third', kept_gib=0)[1] == 36
    assert measure(root, tmp_path / 'fourth', kept_gib=0.1 * gib)[1] == 0  # what is there is read


def test_a_diverged_network_is_refused_and_not_kept(root, tmp_path):
    broken = network()
    broken.ln1.bias.data[0] = torch.nan
    with pytest.raises(UserError, match=r'00000\.jpg: the features are not finite'):
        measure(root, tmp_path / 'run', broken)
    assert not (tmp_path / 'features').exists()
