"""What a run took, over all its attempts, and its data sets."""

import json
import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest
from torch.utils.data import DataLoader

from mmmask.launch import usage
from mmmask.launch.data_sets import describe_data
from mmmask.launch.resume import read_safely
from mmmask.utils.energy import Counter


def result_of(work_dir: Path) -> dict:
    return json.loads((work_dir / 'result.json').read_text())


@pytest.fixture
def counter(monkeypatch):
    """A CPU that uses 3 J from one reading to the next."""
    state = SimpleNamespace(joules=0.0)

    def read():
        state.joules += 3.0
        return state.joules

    monkeypatch.setattr(usage, 'cpu_counters', lambda: [Counter('cpu', read)])
    return state


def test_a_resumed_run_adds_up(tiny_config, run_train, tmp_path, counter):
    work_dir = tmp_path / 'run'
    arguments = [str(tiny_config), '--work-dir', str(work_dir)]
    assert run_train(arguments) == 0
    first = result_of(work_dir)
    assert first['resumed_after_s'] == 0
    # Read at two checkpoints and at the end; then twice more, after a file that says what was used.
    assert first['energy_j'] == dict(cpu=9.0)
    saved = read_safely(work_dir / 'epoch_2.pth')['usage']
    assert saved['joules'] == dict(cpu=6.0)
    more = ['--resume', '--cfg-options', 'train_cfg.max_epochs=3']
    assert run_train([*arguments, *more]) == 0
    second = result_of(work_dir)
    assert second['resumed_after_s'] == round(saved['seconds'], 3)
    assert second['duration_s'] > second['resumed_after_s'] > 0
    assert second['energy_j'] == dict(cpu=6.0 + 6.0)
    assert second['hardware']['processes'] == 1 and second['hardware']['cores'] >= 1


def test_energy_that_was_not_measured_from_the_start_is_not_told(
    tiny_config, run_train, tmp_path, counter, monkeypatch
):
    arguments = [str(tiny_config), '--work-dir', str(tmp_path / 'run')]
    with monkeypatch.context() as machine:
        machine.setattr(usage, 'cpu_counters', list)
        assert run_train(arguments) == 0
    assert result_of(tmp_path / 'run')['energy_j'] == {}
    more = ['--resume', '--cfg-options', 'train_cfg.max_epochs=3']
    assert run_train([*arguments, *more]) == 0
    assert result_of(tmp_path / 'run')['energy_j'] == {}


def test_a_test_has_them_too(tiny_config, run_test, tmp_path, counter):
    assert run_test([str(tiny_config), 'none', '--work-dir', str(tmp_path / 'run')]) == 0
    found = result_of(tmp_path / 'run')
    assert found['energy_j'] == dict(cpu=3.0) and found['hardware']['cpu']
    assert list(found['data']) == ['test']


def test_data_are_told_by_content_not_by_place(tiny_config, tiny_data, run_test, tmp_path):
    def data_of(name, data):
        options = ['--cfg-options', f'test_dataloader.dataset.data_root={data / "val"}']
        work_dir = str(tmp_path / name)
        assert run_test([str(tiny_config), 'none', '--work-dir', work_dir, *options]) == 0
        return result_of(tmp_path / name)['data']['test']

    there = data_of('there', tiny_data)
    assert (there['images'], there['folder']) == (12, str(tiny_data / 'val'))
    copy = tmp_path / 'copy'
    shutil.copytree(tiny_data, copy)
    assert data_of('copied', copy)['sha256'] == there['sha256']
    with (copy / 'val/dark/0.png').open('ab') as file:
        file.write(b'more')
    assert data_of('changed', copy)['sha256'] != there['sha256']


def test_data_sets_without_samples_have_their_number():
    class Squares:
        def __len__(self):
            return 9

    hook = SimpleNamespace(bank_dataloader=DataLoader(Squares()), k=20)
    runner = SimpleNamespace(_train_loop=None, _val_loop={}, _test_loop=None, hooks=[hook])
    assert describe_data(runner) == dict(bank=dict(images=9, folder=None, sha256=None))


def test_files_of_relative_and_absolute_folders_have_none_in_common():
    class Mixed(list):
        def get_data_info(self, index):
            return dict(img_path=self[index], gt_label=index)

    hook = SimpleNamespace(bank_dataloader=DataLoader(Mixed(['a/0.png', '/b/1.png'])))
    runner = SimpleNamespace(_train_loop=None, _val_loop=None, _test_loop=None, hooks=[hook])
    about = describe_data(runner)['bank']
    assert (about['images'], about['folder'], len(about['sha256'])) == (2, None, 64)
