import pytest
from mmengine.config import Config

from mmmask.launch import processes
from mmmask.launch.processes import prepare_distributed, rank_before_start
from mmmask.utils.errors import UserError


def test_no_launcher_changes_nothing():
    cfg = Config(dict(model=dict(norm_cfg=dict(type='SyncBN'))))
    prepare_distributed(cfg, 'none')
    assert cfg.launcher == 'none'
    assert 'sync_bn' not in cfg


@pytest.mark.parametrize(('launcher', 'variable'), [('pytorch', 'RANK'), ('slurm', 'SLURM_PROCID')])
def test_launchers_variables_are_needed(launcher, variable, monkeypatch):
    monkeypatch.delenv(variable, raising=False)
    with pytest.raises(UserError, match=f'needs the variables .*{variable}'):
        prepare_distributed(Config(dict(model={})), launcher)


def test_rank(monkeypatch):
    monkeypatch.setenv('SLURM_PROCID', '3')
    assert rank_before_start('slurm') == 3
    assert rank_before_start('none') == 0


@pytest.fixture
def two_ranks(monkeypatch):
    for name, value in (('RANK', '1'), ('WORLD_SIZE', '2'), ('LOCAL_RANK', '1')):
        monkeypatch.setenv(name, value)


def test_cpus_get_gloo(two_ranks, monkeypatch):
    started = []
    monkeypatch.setattr(processes, 'get_device', lambda: 'cpu')
    monkeypatch.setattr(processes, '_start_gloo', started.append)
    cfg = Config(dict(model={}, sync_bn='torch', find_unused_parameters=True))
    prepare_distributed(cfg, 'pytorch')
    assert started == ['pytorch']
    assert cfg.sync_bn is None
    assert cfg.model_wrapper_cfg.device_ids is None
    assert cfg.model_wrapper_cfg.find_unused_parameters is True


def test_gpus_get_sync_bn(two_ranks, monkeypatch):
    monkeypatch.setattr(processes, 'get_device', lambda: 'cuda')
    monkeypatch.setattr(processes.torch.cuda, 'device_count', lambda: 2)
    cfg = Config(dict(model={}))
    prepare_distributed(cfg, 'pytorch')
    assert cfg.sync_bn == 'torch'
    cfg = Config(dict(model={}, sync_bn=None))
    prepare_distributed(cfg, 'pytorch')
    assert cfg.sync_bn is None
    monkeypatch.setattr(processes.torch.cuda, 'device_count', lambda: 1)
    with pytest.raises(UserError, match='1 GPU'):
        prepare_distributed(cfg, 'pytorch')
