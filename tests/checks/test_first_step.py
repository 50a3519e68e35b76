"""A run's own data and model are tried before its first iteration, and errors are one line."""

import shutil

import pytest


@pytest.fixture
def refusal(tiny_config, tmp_path, run_train, capfd):
    """Train the tiny config with more lines; return the error's line."""

    def run(lines: str) -> str:
        tiny_config.write_text(f'{tiny_config.read_text()}\n{lines}\n')
        assert run_train([str(tiny_config), '--work-dir', str(tmp_path / 'run')]) == 1
        console = capfd.readouterr().err
        assert 'Traceback' not in console
        assert not list((tmp_path / 'run').glob('*.pth'))
        return next(line for line in console.splitlines() if line.startswith('error'))

    return run


def test_fewer_images_than_a_batch(refusal):
    line = refusal("train_dataloader['batch_size'] = 1000\ntrain_dataloader['drop_last'] = True")
    assert 'an epoch of train has no batch' in line
    assert 'set a smaller batch_size' in line


def test_a_head_of_another_width(refusal):
    line = refusal("model['head']['in_channels'] = 7")
    assert (
        'the model cannot take a batch of train: mat1 and mat2 shapes cannot be multiplied' in line
    )


def test_a_broken_validation_image_is_found_before_the_training(refusal, tiny_data, tmp_path):
    shutil.copytree(tiny_data, tmp_path / 'own')  # the other tests' stays whole
    next((tmp_path / 'own/val').glob('*/*')).write_bytes(b'no image')
    line = refusal(f"val_dataloader['dataset']['data_root'] = {str(tmp_path / 'own/val')!r}")
    assert '1 of 8 images that were opened are broken' in line


def test_a_loop_of_its_own_is_left_alone(tiny_config, tmp_path, run_test):
    text = tiny_config.read_text()
    tiny_config.write_text(
        f"{text}\ntest_cfg = dict(type='KNNLoop', bank_dataloader=train_dataloader, k=3)\n"
        'test_evaluator = []\n'
    )
    assert run_test([str(tiny_config), 'none', '--work-dir', str(tmp_path / 'run')]) == 0
    assert 'knn/top1_k3' in (tmp_path / 'run/result.json').read_text()


def test_a_broken_image_is_found_before_the_test(tiny_config, tiny_data, tmp_path, run_test, capfd):
    shutil.copytree(tiny_data, tmp_path / 'own')
    next((tmp_path / 'own/val').glob('*/*')).write_bytes(b'no image')
    text = tiny_config.read_text().replace(str(tiny_data / 'val'), str(tmp_path / 'own/val'))
    tiny_config.write_text(text)
    assert run_test([str(tiny_config), 'none', '--work-dir', str(tmp_path / 'run')]) == 1
    assert '1 of 8 images that were opened are broken' in capfd.readouterr().err
