"""The base configs of the embedded data build loaders whose batches are what was written."""

from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.registry import DefaultScope
from mmengine.runner import Runner

from mmmask.datasets.material_scenes import prepare
from mmmask.datasets.materials import MATERIALS, PALETTE, SCENE_MATERIALS
from mmmask.datasets.scenes import compose_scene
from mmmask.datasets.spec import MaterialScenesSpec

CONFIGS = Path(__file__).parents[2] / 'configs' / '_base_' / 'datasets'
SPEC = MaterialScenesSpec(cls_train=2, cls_val=1, scenes_train=3, scenes_val=2)


@pytest.fixture(scope='module')
def data(tmp_path_factory):
    out = tmp_path_factory.mktemp('data')
    prepare(out, SPEC)
    return out


@pytest.fixture
def scope(request):
    with DefaultScope.overwrite_default_scope(request.param):
        yield request.param


def loader(data, tree, split):
    config = Config.fromfile(CONFIGS / f'material_scenes_{tree}.py')
    loader_config = config[f'{split}_dataloader']
    loader_config.dataset.data_root = str(data / tree)
    return Runner.build_dataloader(loader_config, seed=0)


@pytest.mark.parametrize('tree', ['det', 'seg'])
def test_class_names_and_colours_are_the_generators(tree):
    metainfo = Config.fromfile(CONFIGS / f'material_scenes_{tree}.py').metainfo
    assert tuple(metainfo.classes) == SCENE_MATERIALS
    assert tuple(tuple(colour) for colour in metainfo.palette) == PALETTE


@pytest.mark.parametrize('scope', ['mmpretrain'], indirect=True)
@pytest.mark.parametrize('split, count', [('train', 24), ('val', 12)])
def test_classification(data, scope, split, count):
    built = loader(data, 'cls', split)
    assert len(built.dataset) == count and built.dataset.metainfo['classes'] == MATERIALS
    batch = next(iter(built))
    assert batch['inputs'].shape[1:] == (3, 32, 32) and batch['inputs'].dtype == torch.uint8


@pytest.mark.parametrize('scope', ['mmdet'], indirect=True)
@pytest.mark.parametrize('split, count', [('train', 3), ('val', 2)])
def test_detection(data, scope, split, count):
    pytest.importorskip('mmdet')
    dataset = loader(data, 'det', split).dataset
    assert len(dataset) == count
    for index in range(count):
        sample = dataset[index]['data_samples']
        scene = compose_scene(split, index, SPEC, seed=0)
        masks = scene.masks[..., ::-1] if sample.get('flip') else scene.masks
        assert sample.gt_instances.labels.tolist() == list(scene.labels)
        np.testing.assert_array_equal(sample.gt_instances.masks.masks, masks)
        for box, mask in zip(sample.gt_instances.bboxes.tensor.tolist(), masks, strict=True):
            rows, columns = np.nonzero(mask)
            assert box == [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]


@pytest.mark.parametrize('scope', ['mmseg'], indirect=True)
@pytest.mark.parametrize('split, count', [('train', 3), ('val', 2)])
def test_segmentation(data, scope, split, count):
    pytest.importorskip('mmseg')
    dataset = loader(data, 'seg', split).dataset
    assert len(dataset) == count
    for index in range(count):
        sample = dataset[index]['data_samples']
        labels = compose_scene(split, index, SPEC, seed=0).label_map()
        expected = np.where(labels == 0, 255, labels.astype(int) - 1)
        if sample.get('flip'):
            expected = expected[:, ::-1]
        np.testing.assert_array_equal(sample.gt_sem_seg.data[0].numpy(), expected)
