"""k-NN as a test loop, from images in a folder to metrics."""

import pytest
import torch
from mmengine.runner import Runner
from two_colours import config, loader, two_colours

from mmmask.evaluation.features import FeatureEncoder, extract_features
from mmmask.utils.errors import UserError


@pytest.fixture(autouse=True)
def quick_start(monkeypatch):
    """Runners without the seconds that it takes to ask compilers for their versions."""
    monkeypatch.setattr('mmengine.runner.runner.collect_env', dict)


@pytest.fixture(scope='module')
def root(tmp_path_factory):
    return two_colours(tmp_path_factory.mktemp('data'))


@pytest.mark.parametrize('feature', ['cls', 'gap', 'gap_normed'])
def test_two_colours_are_told_apart(root, tmp_path, feature):
    runner = Runner.from_cfg(config(root, tmp_path, feature=feature, k=(1, 3)))
    runner._init_model_weights()
    assert runner.test() == {'knn/top1_k1': 100.0, 'knn/top1_k3': 100.0}
    assert runner.message_hub.get_scalar('test/knn/top1_k3').current() == 100.0
    assert set(runner.test_loop.outcomes['knn/top1_k3']) == {100.0}


def test_twenty_images_are_enough_for_the_default(root, tmp_path):
    runner = Runner.from_cfg(config(root, tmp_path))
    assert set(runner.test()) == {'knn/top1_k10'}  # of 10, 20, 100, 200, in a bank of 12


@pytest.mark.parametrize(
    'options, message',
    [
        (dict(k=(10, 20)), 'bank of 12 images'),
        (dict(feature='mean'), "token must be 'cls', 'gap', 'gap_normed' or 'patches', got 'mean'"),
        (dict(layer=2), 'layer = 2, but VisionTransformer has 2 blocks'),
        (dict(n_blocks=3), 'layer = -3, but VisionTransformer has 2 blocks'),
        (dict(source='both'), "source must be 'auto', 'teacher' or 'student', got 'both'"),
    ],
)
def test_bad_options_are_errors(root, tmp_path, options, message):
    with pytest.raises(UserError, match=message):
        Runner.from_cfg(config(root, tmp_path, **options)).test()


def test_other_classes_and_evaluators_are_errors(root, tmp_path):
    cfg = config(root, tmp_path)
    cfg.test_dataloader.dataset.metainfo = dict(classes=['a', 'b'])
    with pytest.raises(UserError, match='must be the same'):
        Runner.from_cfg(cfg).test()
    cfg = config(root, tmp_path)
    cfg.test_evaluator = dict(type='Accuracy')
    with pytest.raises(UserError, match='test_evaluator=\\[\\]'):
        Runner.from_cfg(cfg).test()


def test_all_parameters_are_the_backbones(root, tmp_path):
    model = Runner.from_cfg(config(root, tmp_path)).model
    assert all(name.startswith('backbone.') for name in model.state_dict())


def test_features_come_in_the_order_of_the_data_set(root, tmp_path):
    runner = Runner.from_cfg(config(root, tmp_path))
    runner.model.eval()
    encode = FeatureEncoder(runner.model.backbone, runner.model.data_preprocessor)
    features, labels = extract_features(runner.build_dataloader(loader(root, 'train')), encode)
    assert labels.tolist() == [0] * 6 + [1] * 6
    shuffled = loader(root, 'train')
    shuffled['sampler']['shuffle'] = True
    again, labels = extract_features(runner.build_dataloader(shuffled, seed=3), encode)
    assert labels.tolist() == [0] * 6 + [1] * 6
    torch.testing.assert_close(again, features)


def test_images_left_out_are_an_error(root, tmp_path):
    runner = Runner.from_cfg(config(root, tmp_path))
    encode = FeatureEncoder(runner.model.backbone, runner.model.data_preprocessor)
    incomplete = runner.build_dataloader(dict(**loader(root, 'train'), drop_last=True))
    with pytest.raises(UserError, match='2 of 12 images were left out'):
        extract_features(incomplete, encode)


def test_cls_is_the_first_token_and_gap_the_mean_of_the_others(root, tmp_path):
    """'gap' averages what the last block gives, 'gap_normed' what the final norm makes of it."""
    runner = Runner.from_cfg(config(root, tmp_path))
    model = runner.model
    model.eval()
    generator = torch.Generator().manual_seed(0)
    for parameter in model.backbone.parameters():
        parameter.data.normal_(0, 0.5, generator=generator)
    batch = next(iter(runner.build_dataloader(loader(root, 'val'))))
    blocks, norm = model.backbone.layers, model.backbone.ln1
    outputs = []
    hook = blocks[-1].register_forward_hook(lambda _, __, tokens: outputs.append(tokens.detach()))
    model(model.data_preprocessor(batch)['inputs'])
    hook.remove()
    tokens = outputs[0].double()  # (4, 1 + 4, 12)
    mean = tokens.sum(dim=-1, keepdim=True) / 12
    variance = ((tokens - mean) ** 2).sum(dim=-1, keepdim=True) / 12
    normed = (tokens - mean) / (variance + norm.eps).sqrt() * norm.weight + norm.bias
    expected = dict(
        cls=normed[:, 0],
        gap=sum(tokens[:, i] for i in range(1, 5)) / 4,
        gap_normed=sum(normed[:, i] for i in range(1, 5)) / 4,
    )
    for feature, values in expected.items():
        found = FeatureEncoder(model.backbone, model.data_preprocessor, feature)(batch)
        torch.testing.assert_close(found.double(), values.detach(), rtol=1e-5, atol=1e-5)
    assert (expected['gap'] - expected['gap_normed']).abs().max() > 0.1
    assert not norm._forward_pre_hooks  # none stays
