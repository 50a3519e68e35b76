"""Features on disk: who makes them, when they are read, and what makes them new."""

import re
import shutil

import pytest
import torch
from mmengine.logging import MMLogger
from mmengine.runner import Runner
from PIL import Image
from safetensors import safe_open
from two_colours import config, loader, two_colours
from two_ranks import on_two_ranks

from mmmask.evaluation import reader, store
from mmmask.evaluation.features import extract_features
from mmmask.evaluation.loader import build_loader
from mmmask.evaluation.loops.loop import FrozenLoop
from mmmask.utils.errors import UserError


@pytest.fixture(autouse=True)
def quick_start(monkeypatch):
    monkeypatch.setattr('mmengine.runner.runner.collect_env', dict)


@pytest.fixture
def root(tmp_path):
    return two_colours(tmp_path / 'data')


class Plain(FrozenLoop):
    def measure(self, model):
        return {}

    def values(self):
        return {}


def runner_of(root, folder, number=0, **options):
    cfg = config(root, folder / f'run{number}', **options)
    runner = Runner.from_cfg(cfg)
    torch.manual_seed(0)
    runner._init_model_weights()
    runner.calls = []
    runner.model.backbone.register_forward_hook(lambda *_: runner.calls.append(1))
    return runner


def read_features(runner, **read):
    """Features and labels of the test set, as a loop reads them."""
    loop = Plain(runner, runner.cfg.test_dataloader, [])
    runner.model.eval()
    return loop.reader(loop.dataloader, 'features', **read)


def files(folder):
    return sorted((folder / 'features').glob('*'))


def test_a_second_protocol_runs_no_network(root, tmp_path):
    first = runner_of(root, tmp_path, k=1)
    metrics = first.test()
    assert len(first.calls) == 3 + 1  # batches of 5: 12 images of the bank, 4 queries
    assert len(files(tmp_path)) == 2
    second = runner_of(root, tmp_path, 1, k=(1, 3), temperature=1.0)
    assert second.test() == metrics | {'knn/top1_k3': 100.0}
    assert second.calls == []
    assert read_features(second)[1].tolist() == [0, 0, 1, 1]
    assert second.calls == []
    nothing_kept = runner_of(root, tmp_path, 2, k=1, features_dir=None)
    assert nothing_kept.test() == metrics and len(nothing_kept.calls) == 4
    assert len(files(tmp_path)) == 2


def test_stored_features_are_the_computed_ones(root, tmp_path):
    runner = runner_of(root, tmp_path)
    for read in (dict(token='cls'), dict(token='patches', layer=0), dict(n_blocks=2)):
        made, kept = read_features(runner, **read), read_features(runner, **read)
        assert len(runner.calls) == 1
        runner.calls.clear()
        assert torch.equal(made[0], kept[0]) and torch.equal(made[1], kept[1])
        assert kept[0].dtype == torch.float32
    assert made[0].shape == (4, 24)


def test_a_protocol_hashes_its_network_once(root, tmp_path, monkeypatch):
    hashed, true = [], reader.identity_of_weights
    monkeypatch.setattr(
        reader, 'identity_of_weights', lambda network: hashed.append(1) or true(network)
    )
    runner = runner_of(root, tmp_path, k=1)
    metrics = runner.test()
    assert len(hashed) == 1 and len(files(tmp_path)) == 2  # bank and queries
    runner.model.backbone.ln1.bias.data[0] += 1
    assert runner.test().keys() == metrics.keys()
    assert len(hashed) == 2 and len(files(tmp_path)) == 4


def test_mirror_images_are_of_the_same_pass(root, tmp_path):
    runner = runner_of(root, tmp_path)
    plain = read_features(runner)[0]
    both, labels = read_features(runner, mirrored=True)
    assert len(runner.calls) == 1 + 2 and len(files(tmp_path)) == 2
    flip = dict(type='RandomFlip', prob=1.0, direction='horizontal')
    runner.cfg.test_dataloader.dataset.pipeline.insert(1, flip)
    assert torch.equal(both[:, 0], plain) and labels.tolist() == [0, 0, 1, 1]
    torch.testing.assert_close(both[:, 1], read_features(runner)[0])
    assert not torch.allclose(both[:, 0], both[:, 1])


def test_images_of_several_sizes_are_one_line(root, tmp_path):
    picture = Image.new('RGB', (24, 16))
    picture.save(next((tmp_path / 'data/val/red').iterdir()))
    with pytest.raises(UserError, match='images of one batch have different sizes: resize them'):
        read_features(runner_of(root, tmp_path), token='patches')
    runner = runner_of(root, tmp_path, 1)
    runner.cfg.test_dataloader.batch_size = 1
    message = r'features: images give features of \(4, 12\) and \(6, 12\) numbers: resize all'
    with pytest.raises(UserError, match=message):
        read_features(runner, token='patches')


def test_whatever_changes_features_makes_them_anew(root, tmp_path):
    def made(number, change=lambda cfg, runner: None, **read):
        runner = runner_of(root, tmp_path, number)
        change(runner.cfg, runner)
        read_features(runner, **read)
        return len(runner.calls)

    def bias(cfg, runner):
        runner.model.backbone.ln1.bias.data[0] += 1e-6

    def pipeline(cfg, runner):
        flip = dict(type='RandomFlip', prob=1.0, direction='horizontal')
        cfg.test_dataloader.dataset.pipeline.insert(1, flip)

    assert [made(0), made(1), made(2, layer=1)] == [1, 0, 0]
    assert [made(3, bias), made(4, pipeline), made(5, layer=0), made(6, token='gap')] == [1] * 4
    picture = next((tmp_path / 'data/val/red').iterdir())
    shutil.copy(tmp_path / 'data/val/blue/0.png', picture)
    assert [made(7), made(8)] == [1, 0]
    picture.rename(picture.with_name('9.png'))
    assert [made(9), made(10)] == [1, 0]


@pytest.mark.parametrize('damage', ['cut', 'changed', 'empty', 'other'])
def test_a_damaged_file_is_made_again(root, tmp_path, monkeypatch, damage):
    runner, said = runner_of(root, tmp_path), []
    expected = read_features(runner)[0].clone()
    (path,) = files(tmp_path)
    whole = path.read_bytes()
    middle = len(whole) - 100  # within the features, in front of the labels
    changed = whole[:middle] + bytes([whole[middle] ^ 1]) + whole[middle + 1 :]
    damaged = dict(cut=whole[:-50], changed=changed, empty=b'', other=b'{' * 200)
    path.write_bytes(damaged[damage])
    monkeypatch.setattr(MMLogger, 'warning', lambda self, text: said.append(text))
    assert torch.equal(read_features(runner)[0], expected)
    assert len(said) == 1 and re.fullmatch(
        r'features: .*\.safetensors is damaged \(.*\): the features are computed again', said[0]
    )
    assert torch.equal(read_features(runner)[0], expected) and len(runner.calls) == 2
    assert files(tmp_path) == [path] and len(path.read_bytes()) == len(whole)


@pytest.mark.parametrize(
    'values, dtype', [([0.5, 3.0], 'F16'), ([1e30, 1.0], 'BF16'), ([0.1], 'F32')]
)
def test_half_precision_where_it_is_exact(tmp_path, values, dtype):
    if dtype == 'BF16':
        values = torch.tensor(values).bfloat16().tolist()
    features = torch.tensor([values, values])
    keep = store.FeatureStore(tmp_path)
    for _ in range(2):
        found, labels = keep.get(dict(a=1), lambda: (features, None), 'features')
        assert torch.equal(found, features) and labels is None
    with safe_open(*tmp_path.glob('*.safetensors'), 'pt') as file:
        assert file.get_slice('features').get_dtype() == dtype


def test_more_than_memory_should_hold(root, tmp_path, monkeypatch):
    runner = runner_of(root, tmp_path)
    read = dict(token='patches')
    expected = read_features(runner, **read)[0]
    shutil.rmtree(tmp_path / 'features')
    monkeypatch.setattr(store, 'IN_MEMORY', 0)
    monkeypatch.setattr(store, '_BLOCK', 7)
    for _ in range(2):
        assert torch.equal(read_features(runner, **read)[0], expected)
    assert len(files(tmp_path)) == 1


def test_nan_is_refused_in_one_line_and_not_kept(root, tmp_path):
    runner = runner_of(root, tmp_path)
    runner.model.backbone.ln1.bias.data[0] = torch.nan
    with pytest.raises(UserError, match='k-NN bank: 12 of 12 images have features .* not finite'):
        runner.test()
    assert files(tmp_path) == []


def test_a_folder_that_cannot_be_written_is_a_warning(root, tmp_path, monkeypatch):
    said = []
    monkeypatch.setattr(MMLogger, 'warning', lambda self, text: said.append(text))
    (tmp_path / 'features').write_text('a file')
    runner = runner_of(root, tmp_path)
    assert read_features(runner)[0].shape == (4, 12)
    assert len(said) == 1 and said[0].startswith('features: the features are not kept.')


class Rows:
    """An encoder that gives the sum of an image's pixels, and counts images."""

    device = torch.device('cpu')
    seen = 0

    def __call__(self, batch):
        self.seen += len(batch['inputs'])
        return torch.stack([i.float().sum() for i in batch['inputs']])[:, None]


def two_rounds(rank, root, folder, work_dir):
    """The features of 12 images, twice, and how many a rank has encoded each time."""
    runner = Runner.from_cfg(config(root, work_dir))
    dataloader = build_loader(runner, loader(root, 'train'))
    keep, rows, encoded = store.FeatureStore(folder), Rows(), []
    for _ in range(2):
        found = keep.get(dict(a=1), lambda: extract_features(dataloader, rows), 'features')
        encoded.append(rows.seen)
    return found[0].flatten().tolist(), found[1].tolist(), encoded


def test_two_ranks_share_the_work_and_one_file(root, tmp_path):
    alone = two_rounds(0, root, tmp_path / 'alone', tmp_path / 'run')
    assert alone[2] == [12, 12]
    ranks = on_two_ranks(two_rounds, root, tmp_path / 'both', tmp_path / 'run')
    for features, labels, encoded in ranks:
        assert (features, labels) == alone[:2]
        assert encoded == [6, 6]
    assert len(list((tmp_path / 'both').iterdir())) == 1
