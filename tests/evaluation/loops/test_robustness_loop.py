"""A fitted probe on other sets of images, from its checkpoint to ``result.json``."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.runner import Runner
from mmpretrain.models import ClsDataPreprocessor
from mmpretrain.registry import MODELS
from safetensors.numpy import load_file
from two_ranks import on_two_ranks

from mmmask.commands.main import run_command
from mmmask.datasets.material_scenes import prepare
from mmmask.datasets.materials import MATERIALS
from mmmask.datasets.miniatures import write_miniature
from mmmask.datasets.spec import MaterialScenesSpec
from mmmask.evaluation.loops.robustness_loop import read_class_map
from mmmask.evaluation.metrics.top1 import top1
from mmmask.evaluation.salient_patches import SalientPatches
from mmmask.utils.errors import UserError

CONFIG = Path(__file__).parents[3] / 'configs/demo/robustness_vit-demo_material-scenes.py'
LINEAR = CONFIG.with_name('linear_vit-demo_material-scenes.py')
UNSET = dict(type='Pretrained', checkpoint='SET-ME')


@pytest.fixture(scope='module')
def place(tmp_path_factory):
    """A folder with the data, a fitted probe, and the untrained network as the reference."""
    folder = tmp_path_factory.mktemp('place')
    spec = MaterialScenesSpec(cls_train=16, cls_val=3)
    prepare(folder / 'data/material_scenes', spec, trees=('cls',))
    write_miniature('imagenet9', folder / 'data/miniature/imagenet9')
    for name in ('brick', 'tissue'):  # two of the twelve classes
        (folder / 'some' / name).mkdir(parents=True)
        for image in (folder / f'data/material_scenes/cls/val/{name}').iterdir():
            (folder / 'some' / name / image.name).write_bytes(image.read_bytes())
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        options = ['model.backbone.init_cfg=None', 'param_scheduler.T_max=3']
        options += ['train_cfg.max_epochs=3', 'train_cfg.val_interval=3', 'model.lrs=[0.3]']
        arguments = [str(LINEAR), '--work-dir', 'linear', '--cfg-options', *options]
        assert run_command('train', arguments) == 0
    probe = torch.load(folder / 'linear/epoch_3.pth', weights_only=False)['state_dict']
    network = {k: v for k, v in probe.items() if k.startswith('backbone.')}
    torch.save(dict(state_dict=network), folder / 'reference.pth')
    return folder


def config(place, change=lambda cfg: None):
    cfg = Config.fromfile(CONFIG)
    cfg.model.lrs, cfg.model.backbone.init_cfg = [0.3], None
    cfg.test_cfg.sets.masked.reference.init_cfg.checkpoint = 'reference.pth'
    change(cfg)
    return cfg


def runner(place, work_dir, change):
    cfg = config(place, change)
    cfg.work_dir, cfg.experiment_name = str(work_dir), f'robustness-{work_dir.name}'
    cfg.load_from = 'linear/epoch_3.pth'
    return Runner.from_cfg(cfg)


def only(*names, **more):
    """Keep some of the sets, and add others."""

    def change(cfg):
        for name in list(cfg.test_cfg.sets):
            if name not in names:
                cfg.test_cfg.sets[name] = None
        cfg.test_cfg.sets.update(more)

    return change


def test_from_a_checkpoint_to_the_result(place, run_test, monkeypatch, tmp_path):
    monkeypatch.chdir(place)
    options = ['model.lrs=[0.3]', 'test_cfg.sets.corrupted.severities=[1,5]']
    options.append('test_cfg.sets.masked.reference.init_cfg.checkpoint=reference.pth')
    arguments = [str(CONFIG), 'linear/epoch_3.pth', '--work-dir', str(tmp_path)]
    assert run_test([*arguments, '--cfg-options', *options]) == 0
    result = json.loads((tmp_path / 'result.json').read_text())
    found = {k.removeprefix('robustness/'): v for k, v in result['metrics'].items()}
    own = json.loads((place / 'linear/result.json').read_text())['metrics']['linear/top1']
    assert found['clean_top1'] == pytest.approx(own)
    assert found['original_top1'] > 2 * 100 / 12 and own > 2 * 100 / 12  # chance
    gap = found['mixed_same_top1'] - found['mixed_rand_top1']
    assert found['bg_gap'] == pytest.approx(gap)
    accuracies = [
        found[f'corrupted_{c}_{s}_top1'] for c in ('gaussian_noise', 'contrast') for s in (1, 5)
    ]
    assert found['corrupted_mean_top1'] == pytest.approx(np.mean(accuracies))
    assert found['corrupted_mce'] == pytest.approx(100 - np.mean(accuracies))
    assert {f'masked_{share}_top1' for share in (10, 30, 50, 70)} <= set(found)
    outcomes = load_file(tmp_path / 'outcomes.safetensors')
    assert set(outcomes) == set(result['metrics']) - {'robustness/bg_gap'}
    assert len(outcomes['robustness/corrupted_mce']) == len(outcomes['robustness/clean_top1'])
    for name, images in outcomes.items():
        assert images.mean() == pytest.approx(result['metrics'][name], rel=1e-5)
    assert found['masked_70_top1'] < own
    assert result['protocol']['blackened'] == [0.1, 0.3, 0.5, 0.7]


def test_some_classes_beside_the_clean_images_of_the_same(place, monkeypatch, tmp_path):
    monkeypatch.chdir(place)
    dataset = dict(data_root='some', data_prefix='', type='NumberedImageFolder', names=MATERIALS)
    change = only(some=dict(dataset=dataset, own_classes=True))
    started = runner(place, tmp_path, change)
    found = started.test()
    assert found['robustness/some_top1'] == found['robustness/some_clean_top1']  # the same images
    loop, model = started.test_loop, started.model
    wanted = [MATERIALS.index(name) for name in ('brick', 'tissue')]
    predicted = []
    for batch in loop.sets[0].loader:
        with torch.no_grad():
            for sample in model.test_step(batch):
                predicted.append(max(wanted, key=lambda c: float(sample.sweep_scores[0, c])))
    truth = [label for label in wanted for _ in range(3)]
    assert found['robustness/some_top1'] == pytest.approx(top1(predicted, truth))
    assert found['robustness/some_top1'] >= 50 > found['robustness/clean_top1'] / 2


def test_a_map_that_is_the_identity_changes_nothing(place, monkeypatch, tmp_path):
    monkeypatch.chdir(place)
    found = runner(place, tmp_path, only(same=dict(class_map=list(range(12))))).test()
    assert found['robustness/same_top1'] == found['robustness/clean_top1']


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        (
            only(short=dict(class_map=[0, 11])),
            'the class map of short has 2 classes, but the classifier has 12',
        ),
        (only(other=dict(class_map=[0] * 12)), 'has classes 0 to 0, but its images have 0 to 11'),
        (only(absent=dict(class_map='no.json')), r'no.json \[test_cfg.sets.absent=None leaves'),
        (only(absent=dict(dataset=dict(data_root='nowhere'))), 'nowhere.*leaves this set out'),
        (only(black=dict(ratios=(0.1,))), 'sets.black needs a reference'),
        (
            only(black=dict(ratios=(0.1,), reference=dict(init_cfg=UNSET))),
            r'sets.black needs a reference.*sets.black.reference.init_cfg.checkpoint=FILE',
        ),
        (only(rain=dict(corruptions=['rain'])), "name must be .*'rain'"),
    ],
)
def test_mistakes(change, message, place, monkeypatch, tmp_path):
    monkeypatch.chdir(place)
    with pytest.raises(UserError, match=message) as error:
        runner(place, tmp_path, change).test()
    assert '\n' not in str(error.value)


def test_a_diverged_classifier_is_one_line(place, monkeypatch, tmp_path):
    monkeypatch.chdir(place)
    started = runner(place, tmp_path, only('original'))
    torch.nn.init.constant_(started.model.heads[0].bias, torch.inf)
    started.load_or_resume = lambda: None
    with pytest.raises(UserError, match='clean: 36 of 36 images have features .* not finite'):
        started.test()


def test_a_label_beyond_the_classifier(place, monkeypatch, tmp_path):
    monkeypatch.chdir(place)
    names = [str(i) for i in range(20)] + list(MATERIALS)
    dataset = dict(data_root='some', data_prefix='', type='NumberedImageFolder', names=names)
    with pytest.raises(UserError, match='have label 31, but the classifier has 12'):
        runner(place, tmp_path, only(far=dict(dataset=dataset))).test()


def test_class_maps_of_both_kinds(tmp_path):
    path = tmp_path / 'map.json'
    path.write_text('{"0": 1, "1": -1}')
    assert read_class_map(str(path)) == read_class_map([1, -1]) == [1, -1]
    path.write_text('{"0": 1, "2": -1}')
    with pytest.raises(UserError, match='no map from classes to classes'):
        read_class_map(str(path))


def test_the_most_attended_patches_are_black(place):
    """Of 16 patches, int(0.3 x 16) = 4 are black; they have the highest scores."""
    shape = dict(embed_dims=64, num_layers=3, num_heads=2, feedforward_channels=256)
    weights = dict(type='Pretrained', checkpoint=str(place / 'reference.pth'))
    reference = dict(
        type='MaskedVisionTransformer',
        arch=shape,
        img_size=32,
        patch_size=8,
        with_mask_token=False,
        init_cfg=weights,
    )
    preprocessor = ClsDataPreprocessor(mean=[10, 20, 30], std=[2, 4, 5])
    black = SalientPatches(reference, preprocessor)
    images = torch.randn(2, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    found = black(images, 0.3)
    network = MODELS.build(reference)
    network.init_weights()
    network.eval()
    tap = MODELS.build(dict(type='AttentionTap'))
    with torch.no_grad(), tap(network) as record:
        network(images)
    for image, before, scores in zip(found, images, record.scores()):
        chosen = scores.argsort(descending=True)[:4].tolist()
        for patch in range(16):
            rows, columns = (slice(8 * i, 8 * i + 8) for i in divmod(patch, 4))
            if patch in chosen:
                values = torch.tensor([-5.0, -5, -6])[:, None, None].expand(3, 8, 8)
            else:
                values = before[:, rows, columns]
            torch.testing.assert_close(image[:, rows, columns], values)
    torch.testing.assert_close(black(images, 0.0), images)


def measure(rank, place, work_dir):
    return runner(place, work_dir / str(rank), only('original', 'masked')).test()


def test_two_ranks_measure_what_one_measures(place, monkeypatch, tmp_path):
    monkeypatch.chdir(place)
    expected = measure(2, place, tmp_path)
    for found in on_two_ranks(measure, place, tmp_path):
        assert found == pytest.approx(expected)
