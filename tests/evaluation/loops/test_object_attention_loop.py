"""Attention against objects as a test loop, on miniatures in the published layouts."""

import json

import numpy as np
import pytest
import timm
import torch
from mmengine.config import Config
from mmengine.runner import Runner
from PIL import Image
from scipy import ndimage
from tiny_network import checkpoint, config  # noqa: F401
from two_ranks import on_two_ranks

from mmmask.datasets.miniatures import write_miniature
from mmmask.utils.errors import UserError

VOC = 'configs/frozen/objects_vit-small-p16_voc2012.py'
DEMO = 'configs/demo/objects_vit-demo_material-scenes.py'
ARCH = dict(embed_dims=12, num_layers=2, num_heads=3, feedforward_channels=48)


@pytest.fixture(autouse=True)
def quick_start(monkeypatch):
    """Runners without the seconds that it takes to ask compilers for their versions."""
    monkeypatch.setattr('mmengine.runner.runner.collect_env', dict)


@pytest.fixture(scope='module')
def voc(tmp_path_factory):
    """Write the miniature of VOC; the last of its four validation images has no object."""
    root = tmp_path_factory.mktemp('voc')
    write_miniature('voc2012', root)
    for kind in ('Class', 'Object'):
        Image.new('L', (128, 128)).save(root / f'Segmentation{kind}/2007_000503.png')
    return root


def runner(root, work_dir, **backbone):
    cfg = Config.fromfile(VOC)
    cfg.model.backbone.update(arch=ARCH, patch_size=32, img_size=128, **backbone)
    cfg.test_dataloader.update(batch_size=3, num_workers=0)
    cfg.test_dataloader.dataset.update(data_root=str(root), size=128)
    cfg.test_cfg.tolerance = 0
    cfg.work_dir = str(work_dir)
    cfg.experiment_name = f'objects-{work_dir.parent.name}-{work_dir.name}'
    built = Runner.from_cfg(cfg)
    built._init_model_weights()
    for layer in built.model.backbone.layers:  # attention is uniform
        torch.nn.init.zeros_(layer.attn.qkv.weight)
        torch.nn.init.zeros_(layer.attn.qkv.bias)
    return built


def expected(root):
    """Return the metrics of uniform attention: ten of 4 x 4 patches, in rows, hold 60 %."""
    kept = np.zeros((4, 4), bool)
    kept[:2], kept[2, :2] = True, True
    kept = kept.repeat(32, axis=0).repeat(32, axis=1)
    found = dict(jaccard=[], precision=[], recall=[], point_hit=[], corloc=[], share=[])
    for name in ('2007_000500', '2007_000501', '2007_000502'):
        classes, numbers = (
            np.asarray(Image.open(root / f'Segmentation{kind}/{name}.png'))
            for kind in ('Class', 'Object')
        )
        masks = [classes == value for value in set(classes.flat) - {0, 255}]
        objects = np.any(masks, axis=0)
        ious = [(kept & mask).sum() / (kept | mask).sum() for mask in masks]
        found['jaccard'].append(sum(ious) / len(ious))
        found['precision'].append((kept & objects).sum() / kept.sum())
        found['recall'].append((kept & objects).sum() / objects.sum())
        found['point_hit'].append(objects[16, 16])  # the centre of the first patch
        found['share'].append(objects.sum() / 128**2)
        best = 0
        for number in set(numbers.flat) - {0, 255}:
            ((rows, columns),) = ndimage.find_objects((numbers == number).astype(int))
            box = np.zeros((128, 128), bool)
            box[rows, columns] = True
            whole = np.zeros((128, 128), bool)
            whole[:96] = True  # the box of ten patches
            best = max(best, (box & whole).sum() / (box | whole).sum())
        found['corloc'].append(best >= 0.5)
    return {name: 100 * sum(values) / 3 for name, values in found.items()}


def test_uniform_attention_by_hand(voc, tmp_path):
    started = runner(voc, tmp_path)
    metrics = started.test()
    assert metrics.pop('objects/left_out') == 1
    outcomes = started.test_loop.outcomes
    assert {len(images) for images in outcomes.values()} == {3}
    assert {name: images.mean() for name, images in outcomes.items()} == metrics
    wanted = expected(voc)
    assert metrics.pop('objects/share') == pytest.approx(wanted.pop('share'), rel=1e-5)
    assert metrics.pop('objects/jaccard') == pytest.approx(wanted['jaccard'], rel=1e-5)
    for name, value in wanted.items():
        for of in ('mean', 'best_head', 'head0', 'head1', 'head2'):
            assert metrics.pop(f'objects/{name}_{of}') == pytest.approx(value, rel=1e-5)
    assert metrics == {}


def test_two_ranks_measure_what_one_measures(voc, tmp_path):
    alone = runner(voc, tmp_path / 'one').test()
    folders = [tmp_path / 'first', tmp_path / 'second']
    for metrics in on_two_ranks(lambda rank: runner(voc, folders[rank]).test()):
        assert metrics == pytest.approx(alone, rel=1e-6)


def test_a_foreign_checkpoint_on_voc(voc, tmp_path, run_test):
    shape = dict(embed_dim=12, depth=2, num_heads=3, patch_size=32, img_size=128)
    model = timm.create_model('vit_tiny_patch16_224', **shape)
    torch.save(model.state_dict(), tmp_path / 'timm.pth')
    options = [
        f'test_dataloader.dataset.data_root={voc}/',
        'test_dataloader.dataset.size=128',
        'test_dataloader.num_workers=0',
        f'model.backbone.arch={ARCH}'.replace(' ', ''),
        'model.backbone.patch_size=32',
        'model.backbone.img_size=128',
    ]
    work_dir = ['--work-dir', str(tmp_path / 'out')]
    assert run_test([VOC, str(tmp_path / 'timm.pth'), *work_dir, '--cfg-options', *options]) == 0
    result = json.loads((tmp_path / 'out/result.json').read_text())
    assert 0 < result['metrics']['objects/jaccard'] < 100
    values = dict(mass=0.6, block=-1, tolerance=15, size=128, by='class', images=3)
    assert values.items() <= result['protocol'].items()


def test_our_checkpoint_on_coco(checkpoint, tmp_path, run_test):  # noqa: F811
    write_miniature('coco', tmp_path / 'coco')
    options = [
        f'test_dataloader.dataset.data_root={tmp_path}/coco/',
        'test_dataloader.dataset.ann_file=annotations/instances_val2017.json',
        'test_dataloader.dataset.data_prefix.img=val2017/',
        'test_dataloader.dataset.size=64',
        'model.backbone.arch=dict(embed_dims=8,num_layers=2,num_heads=2,feedforward_channels=16)',
    ]
    work_dir = ['--work-dir', str(tmp_path / 'out')]
    assert run_test([DEMO, str(checkpoint), *work_dir, '--cfg-options', *options]) == 0
    result = json.loads((tmp_path / 'out/result.json').read_text())
    assert result['metrics']['objects/left_out'] == 0
    assert result['protocol']['attention'] == 'paid by CLS'


def test_networks_without_cls(voc, tmp_path):
    """Attention that patches receive takes its place; uniform attention is the same."""
    built = runner(voc, tmp_path, with_cls_token=False)
    metrics = built.test()
    assert metrics['objects/jaccard'] == pytest.approx(expected(voc)['jaccard'], rel=1e-5)
    assert built.test_loop.values()['attention'] == 'received'


@pytest.mark.parametrize(
    'change, message',
    [
        (lambda cfg: cfg.test_cfg.update(mass=0), r'mass must be in \(0, 1\]'),
        (lambda cfg: cfg.test_cfg.update(block=5), r'attention cannot be read: .* 2 blocks'),
        (
            lambda cfg: cfg.test_dataloader.dataset.update(size=90),
            'no whole number of patches of 32: set .*size=96',
        ),
        (
            lambda cfg: setattr(
                cfg.test_dataloader,
                'dataset',
                dict(type='CustomDataset', data_root=cfg.empty, pipeline=[]),
            ),
            'needs masks of objects',
        ),
    ],
)
def test_what_is_wrong_is_said(voc, tmp_path, change, message, tiny_data):
    cfg = Config.fromfile(VOC)
    cfg.model.backbone.update(arch=ARCH, patch_size=32, img_size=128)
    cfg.test_dataloader.update(num_workers=0)
    cfg.test_dataloader.dataset.update(data_root=str(voc), size=128)
    cfg.update(work_dir=str(tmp_path), experiment_name=tmp_path.name, empty=f'{tiny_data}/val')
    change(cfg)
    with pytest.raises(UserError, match=message):
        Runner.from_cfg(cfg).test()


def test_no_image_has_an_object(tmp_path):
    write_miniature('voc2012', tmp_path / 'voc')
    for path in tmp_path.glob('voc/SegmentationClass/*.png'):
        Image.new('L', (128, 128)).save(path)
        Image.new('L', (128, 128)).save(tmp_path / 'voc/SegmentationObject' / path.name)
    with pytest.raises(UserError, match='none of 4 images has an object'):
        runner(tmp_path / 'voc', tmp_path / 'out').test()
