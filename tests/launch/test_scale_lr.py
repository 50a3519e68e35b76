"""``--auto-scale-lr`` counts the images of one step of the optimiser."""

import json

import pytest

CHANGES = """
optim_wrapper.update(accumulative_counts={accumulated}, {more})
auto_scale_lr = dict(base_batch_size=32)
default_hooks = dict(logger=dict(interval=1))
"""
PARAMWISE = (
    "paramwise_cfg=dict(custom_keys={'head': dict(lr_mult=1.0)})"  # a group for each parameter
)


def log_of(config, work_dir, run_train, accumulated, more=''):
    """Rates of the first logged iteration, of a batch of 4 on one process, and the log's text."""
    config.write_text(config.read_text() + CHANGES.format(accumulated=accumulated, more=more))
    assert run_train([str(config), '--work-dir', str(work_dir), '--auto-scale-lr']) == 0
    (record,) = work_dir.glob('*/vis_data/scalars.json')
    (text,) = work_dir.glob('*/*.log')
    return json.loads(record.read_text().splitlines()[0]), text.read_text()


@pytest.mark.parametrize('accumulated, rate', [(1, 1.25e-4), (2, 2.5e-4)])
def test_accumulated_iterations_are_one_batch(tiny_config, tmp_path, run_train, accumulated, rate):
    """1e-3 is for 32: of 4 or of 2 x 4 images it is an eighth or a quarter of that."""
    found, log = log_of(tiny_config, tmp_path / 'run', run_train, accumulated)
    assert found['lr'] == pytest.approx(rate)
    assert f'batches of 32; here they are of {4 * accumulated} (4 images x 1 processes x' in log
    assert f'scaled by {accumulated / 8:g}.' in log


def test_the_logged_base_rate_is_scaled_once(tiny_config, tmp_path, run_train):
    found, _ = log_of(tiny_config, tmp_path / 'run', run_train, 1, PARAMWISE)
    assert found['base_lr'] == found['lr'] == pytest.approx(1.25e-4)


def test_without_the_option_rates_are_the_configs(tiny_config, tmp_path, run_train):
    text = tiny_config.read_text() + CHANGES.format(accumulated=2, more=PARAMWISE)
    tiny_config.write_text(text)
    assert run_train([str(tiny_config), '--work-dir', str(tmp_path / 'run')]) == 0
    (record,) = (tmp_path / 'run').glob('*/vis_data/scalars.json')
    found = json.loads(record.read_text().splitlines()[0])
    assert found['base_lr'] == found['lr'] == pytest.approx(1e-3)
