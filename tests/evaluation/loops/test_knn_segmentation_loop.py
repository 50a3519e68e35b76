"""In-context segmentation from images to numbers, on a few material scenes."""

import json
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from frozen_checkpoints import CONFIGS, write_foreign, write_ours
from mmengine.config import Config
from mmengine.dataset import BaseDataset
from mmengine.structures import PixelData
from mmpretrain.models.backbones import VisionTransformer
from mmseg.structures import SegDataSample
from PIL import Image
from two_ranks import on_two_ranks

from mmmask.datasets.miniatures.material import scene
from mmmask.evaluation import KNNSegmentationLoop
from mmmask.evaluation.loader import build_loader

CONFIG = str(CONFIGS / 'demo/knn-seg_vit-demo_material-scenes.py')


@pytest.fixture(scope='module')
def root(tmp_path_factory):
    """Six scenes of training and three of validation, in the layout of the embedded data."""
    folder = tmp_path_factory.mktemp('scenes')
    for split, count in (('train', 6), ('val', 3)):
        for index in range(count):
            images, maps = folder / f'images/{split}', folder / f'annotations/{split}'
            images.mkdir(parents=True, exist_ok=True)
            maps.mkdir(parents=True, exist_ok=True)
            picture = scene(split, index, 64)
            Image.fromarray(picture.image).save(images / f'{index:05d}.jpg')
            Image.fromarray(picture.label_map()).save(maps / f'{index:05d}.png')
    return folder


def arguments(checkpoint, root, work_dir, *options):
    given = [
        f'test_dataloader.dataset.data_root={root}',
        f'test_cfg.bank_dataloader.dataset.data_root={root}',
        *options,
    ]
    return [CONFIG, str(checkpoint), '--work-dir', str(work_dir), '--cfg-options', *given]


@pytest.mark.parametrize('write', [write_ours, write_foreign])
def test_a_checkpoint_of_ours_and_of_timm(write, root, tmp_path, run_test):
    options = ['test_cfg.size=32', 'test_cfg.memory_size=240']
    checkpoint = write(tmp_path)
    assert run_test(arguments(checkpoint, root, tmp_path / 'run', *options)) == 0
    result = json.loads((tmp_path / 'run/result.json').read_text())
    assert 0 < result['metrics']['knn_segmentation/miou'] < 100
    values = dict(k=30, temperature=0.02, memory_size=240, sampling='rare', seed=0)
    assert result['protocol'].items() >= (values | dict(compared_size=[32, 32])).items()
    # Each scene finds its own patches in the bank: only outlines are coarse.
    itself = 'test_dataloader.dataset.data_prefix'
    options = [f'{itself}.img_path=images/train', f'{itself}.seg_map_path=annotations/train']
    assert run_test(arguments(checkpoint, root, tmp_path / 'itself', *options, 'test_cfg.k=1')) == 0
    metrics = json.loads((tmp_path / 'itself/result.json').read_text())['metrics']
    assert metrics['knn_segmentation/pixel_accuracy'] > 80
    assert metrics['knn_segmentation/miou'] > 60


def test_what_it_refuses(root, tmp_path, run_test, capsys):
    checkpoint = write_ours(tmp_path)
    for option, message in [
        ('test_cfg.k=999', 'k = 999 exceeds the bank'),
        ('test_cfg.sampling=all', "'rare' or 'uniform'"),
        ('test_cfg.size=0', 'size must be'),
        ('test_dataloader.dataset.metainfo.classes=[a,b]', 'classes'),
    ]:
        assert run_test(arguments(checkpoint, root, tmp_path / 'run', option)) == 1
        assert message in capsys.readouterr().err


class Noise(BaseDataset):
    """Images of 16 x 16 pixels whose left and right halves have classes and brightnesses."""

    METAINFO = dict(classes=['dark', 'grey', 'bright'])

    def __init__(self, size, seed):
        self.size, self.seed = size, seed
        super().__init__(serialize_data=False)

    def load_data_list(self):
        return [dict(number=i) for i in range(self.size)]

    def prepare_data(self, index):
        generator = np.random.default_rng((self.seed, index))
        classes = np.repeat(generator.integers(0, 3, 2), 8)[None].repeat(16, axis=0)
        image = classes + generator.normal(0, 0.5, (3, 16, 16))
        classes[generator.random((16, 16)) < 0.1] = 255
        sample = SegDataSample(metainfo=dict(img_path=f'{self.seed}-{index}.png'))
        sample.gt_sem_seg = PixelData(data=torch.from_numpy(classes[None]))
        return dict(inputs=torch.from_numpy(image).float(), data_samples=sample)


def network():
    torch.manual_seed(0)
    arch = dict(embed_dims=12, num_layers=1, num_heads=2, feedforward_channels=24)
    vit = VisionTransformer(arch, img_size=16, patch_size=4, out_type='raw')
    vit.init_weights()
    vit.eval()
    return vit


def measure(**options):
    def loader(size, seed):
        sampler = dict(type='DefaultSampler', shuffle=False)
        dataset = dict(type=Noise, size=size, seed=seed)
        return dict(batch_size=2, num_workers=0, sampler=sampler, dataset=dataset)

    model = SimpleNamespace(backbone=network(), data_preprocessor=lambda batch: batch)
    cfg = Config(dict(model=dict(backbone={})))
    runner = SimpleNamespace(seed=0, work_dir='.', _randomness_cfg={}, model=model, cfg=cfg)
    loop = KNNSegmentationLoop(
        runner, build_loader(runner, loader(5, 1)), [], loader(7, 0), **options
    )
    calls = []
    model.backbone.register_forward_hook(lambda *_: calls.append(1))
    return loop.measure(model), len(calls)


def test_two_ranks_measure_what_one_measures():
    """Neither a bank of 7 nor 5 images divide by two."""
    options = dict(k=9, memory_size=70, size=None, features_dir=None)
    found = on_two_ranks(lambda rank: measure(**options)[0])
    assert found[0] == pytest.approx(measure(**options)[0]) and found[1] == found[0]
    assert found[0]['knn_segmentation/pixel_accuracy'] > 50


def test_patches_are_kept_where_they_fit(tmp_path):
    """The first test sees an image of each data set before the others: to tell the size."""
    options, kept = dict(k=9, memory_size=70), dict(features_dir=str(tmp_path / 'features'))
    expected, calls = measure(**options, features_dir=None)
    assert calls == 4 + 3  # batches of 2: 7 images of the bank, 5 to segment
    assert measure(**options, **kept) == (pytest.approx(expected), 2 + 4 + 3)
    assert measure(**options, **kept) == (pytest.approx(expected), 0)
    assert measure(**dict(options, k=1), **kept)[1] == 0
    found = on_two_ranks(lambda rank: measure(**options, **kept))
    assert found == [(pytest.approx(expected), 0)] * 2
    assert measure(**options, **kept, kept_gib=0)[1] == 4 + 3
    small = 7 * 16 * 12 * 4 / 2**30  # of the bank's patches; those to segment have fewer
    for gib, bank, files in ((small * 0.99, 1 + 4, 1), (small, 1 + 4, 2)):
        other = str(tmp_path / f'{files}')
        assert measure(**options, features_dir=other, kept_gib=gib)[1] == bank + 1 + 3
        assert measure(**options, features_dir=other, kept_gib=gib)[1] == bank * (files == 1)
        assert len(list((tmp_path / f'{files}').iterdir())) == files
