"""Retrieval from a checkpoint to ``result.json``, on miniatures of the published layouts."""

import json
from pathlib import Path

import pytest
import timm
import torch
from mmengine.config import Config
from mmengine.runner import Runner
from two_ranks import on_two_ranks

from mmmask.datasets.miniatures import write_miniature
from mmmask.evaluation.loops.loop import VectorLoop
from mmmask.evaluation.metrics import recall_at_k, revisited_map
from mmmask.utils.errors import UserError

CONFIGS = Path(__file__).parents[3] / 'configs'
RECALL, REVISITED = (
    CONFIGS / f'demo/{name}.py'
    for name in ('recall_vit-demo_cub200', 'revisited_vit-demo_roxford5k')
)


@pytest.fixture(scope='module')
def place(tmp_path_factory):
    """A folder with the miniatures, where the demo's configs look for them."""
    folder = tmp_path_factory.mktemp('place')
    for layout in ('cub200', 'inshop', 'roxford5k'):
        write_miniature(layout, folder / 'data/miniature' / layout)
    return folder


@pytest.fixture(scope='module')
def timm_file(tmp_path_factory):
    """A foreign checkpoint: the state dict of timm's ViT, of the demo's size."""
    torch.manual_seed(0)
    shape = dict(img_size=32, patch_size=8, embed_dim=64, depth=3, num_heads=2)
    model = timm.models.vision_transformer.VisionTransformer(**shape, num_classes=0)
    path = tmp_path_factory.mktemp('timm') / 'vit.pth'
    torch.save(model.state_dict(), path)
    return path


@pytest.mark.parametrize(
    ('config', 'chance'),
    # 3 of the 47 others are of the class; 4 of 60 images are positive
    [(RECALL, {'recall_at_1': 100 * 3 / 47}), (REVISITED, {'map_medium': 100 * 4 / 60})],
)
def test_a_foreign_checkpoint(config, chance, place, timm_file, run_test, monkeypatch, tmp_path):
    monkeypatch.chdir(place)
    assert run_test([str(config), str(timm_file), '--work-dir', str(tmp_path)]) == 0
    result = json.loads((tmp_path / 'result.json').read_text())
    for name, value in chance.items():
        assert result['metrics'][f'retrieval/{name}'] > 1.5 * value
    assert result['protocol']['token'] == 'cls'
    assert ('scales' if config is REVISITED else 'ks') in result['protocol']


def runner(config, work_dir, place, change=lambda cfg: None):
    cfg = Config.fromfile(config)
    cfg.work_dir, cfg.experiment_name = str(work_dir), f'{config.stem}-{work_dir.name}'
    change(cfg)
    loops = [cfg.test_dataloader, cfg.test_cfg.get('database_dataloader')]
    loops.append(cfg.test_cfg.get('gallery_dataloader'))
    for loader in filter(None, loops):
        loader.dataset.data_root = str(place / loader.dataset.data_root)
    return Runner.from_cfg(cfg)


def in_shop(cfg):
    dataset = dict(type='InShopRetrieval', data_root='data/miniature/inshop/')
    cfg.test_dataloader.dataset.update(dataset, split='query')
    gallery = cfg.test_dataloader.to_dict()
    gallery['dataset']['split'] = 'gallery'
    cfg.test_cfg.gallery_dataloader = gallery
    cfg.test_cfg.ks = (1, 20)


@pytest.mark.parametrize('change', [lambda cfg: None, in_shop])
def test_recall_is_the_metric_of_the_features(change, place, tmp_path):
    started = runner(RECALL, tmp_path, place, change)
    started._init_model_weights()
    loop, found = started.test_loop, started.test()
    queries, labels = loop.vectors(loop.dataloader, 'test')
    gallery, truth, same = queries, labels, True
    if loop.gallery_dataloader is not None:
        (gallery, truth), same = loop.vectors(loop.gallery_dataloader, 'gallery'), False
    cosine = torch.nn.functional.cosine_similarity(queries[:, None], gallery[None], dim=2)
    expected = recall_at_k(cosine, labels, truth, loop.ks, same)
    assert found == pytest.approx({f'retrieval/recall_at_{k}': v for k, v in expected.items()})
    hits = loop.outcomes[f'retrieval/recall_at_{loop.ks[0]}']
    assert len(hits) == len(queries) and set(hits) <= {0, 100} and loop.outcome_unit == 'query'


def test_multi_scale_is_the_normalised_mean(place, tmp_path):
    def change(cfg):
        cfg.test_cfg.scales = (1.0, 0.5)
        cfg.test_dataloader.dataset.crop = True

    started = runner(REVISITED, tmp_path, place, change)
    started._init_model_weights()
    loop, found = started.test_loop, started.test()
    sets = []
    for loaders in (loop.queries, loop.database):
        whole, half = (loop.vectors(loader, 'test')[0] for loader in loaders)
        mean = (whole + half) / 2
        sets.append(mean / mean.norm(dim=1, keepdim=True))
    ranks = (sets[1] @ sets[0].T).argsort(dim=0, descending=True).numpy()
    expected = revisited_map(ranks, loop.queries[0].dataset.relevant)
    assert found == pytest.approx({f'retrieval/map_{k}': v for k, v in expected.items()})
    assert {name: one.mean() for name, one in loop.outcomes.items()} == pytest.approx(found)
    asked = [bool(lists['hard']) for lists in loop.queries[0].dataset.relevant]
    assert len(loop.outcomes['retrieval/map_hard']) == sum(asked)
    assert loop.values()['scales'] == (1.0, 0.5) and loop.values()['query_crop']


@pytest.mark.parametrize(
    ('config', 'change', 'message'),
    [
        (RECALL, lambda cfg: cfg.test_dataloader.dataset.update(indices=5), '1 of 5 queries'),
        (RECALL, lambda cfg: cfg.test_cfg.update(ks=(0,)), 'ks must be positive'),
        (
            REVISITED,
            lambda cfg: cfg.test_cfg.database_dataloader.dataset.update(indices=7),
            'ranks 60 images, but the database has 7',
        ),
        (
            REVISITED,
            lambda cfg: (
                cfg.test_cfg.update(scales=(1, 0.5)),
                cfg.test_dataloader.dataset.update(pipeline=[]),
            ),
            'scales need a Thumbnail',
        ),
    ],
)
def test_mistakes_are_found_before_the_features(
    config, change, message, place, tmp_path, monkeypatch
):
    monkeypatch.setattr(VectorLoop, 'vectors', lambda *_, **__: pytest.fail('it extracts'))
    with pytest.raises(UserError, match=message):
        runner(config, tmp_path, place, change).test()


def test_a_gallery_without_a_querys_class(place, tmp_path):
    def change(cfg):
        in_shop(cfg)
        cfg.test_cfg.gallery_dataloader['dataset']['indices'] = 22  # the last item is left out

    with pytest.raises(UserError, match='no image of the class of 2 of 24 queries.*label 188'):
        runner(RECALL, tmp_path, place, change).test()


def measure(rank, place, work_dir):
    started = runner(RECALL, work_dir / str(rank), place)
    started._init_model_weights()
    return started.test()


def test_two_ranks_measure_what_one_measures(place, tmp_path):
    expected = measure(2, place, tmp_path)
    for found in on_two_ranks(measure, place, tmp_path):
        assert found == pytest.approx(expected)
