"""Tests promises of the hook that tests/launch/test_resume_exactly.py doesn't cover."""

import mmengine.runner.runner
import torch

from mmmask.launch.resume import read_safely


def run(run_train, config, work_dir, *options: str) -> dict:
    """Train two epochs; gives the last checkpoint."""
    assert run_train([str(config), '--work-dir', str(work_dir), '--cfg-options', *options]) == 0
    return read_safely(work_dir / 'epoch_2.pth')


def test_validation_leaves_no_trace(run_train, tiny_config, tmp_path):
    # The pipeline of validation is random, too.
    every = run(run_train, tiny_config, tmp_path / 'a', 'train_cfg.val_interval=1')
    never = run(run_train, tiny_config, tmp_path / 'b', 'train_cfg.val_interval=100')
    best = 'default_hooks.checkpoint.save_best=auto'
    saved_within = run(run_train, tiny_config, tmp_path / 'c', best)
    assert list((tmp_path / 'c').glob('best_*.pth'))
    for other in (never, saved_within):
        for name, value in every['state_dict'].items():
            assert torch.equal(value, other['state_dict'][name]), name
        for name in ('torch', 'python'):
            first, second = every['rng_states'][0][name], other['rng_states'][0][name]
            assert torch.equal(first, second) if name == 'torch' else first == second


def test_the_old_checkpoint_goes_last(run_train, tiny_config, tmp_path, monkeypatch, capfd):
    save = mmengine.runner.runner.save_checkpoint

    def disk_is_full_in_epoch_2(checkpoint, filename, **kwargs):
        if 'epoch_2' in filename:
            with open(filename, 'wb') as file:
                file.write(b'half')
            raise OSError('disk is full')
        save(checkpoint, filename, **kwargs)

    monkeypatch.setattr(mmengine.runner.runner, 'save_checkpoint', disk_is_full_in_epoch_2)
    work_dir = tmp_path / 'run'
    options = ['--cfg-options', 'default_hooks.checkpoint.max_keep_ckpts=1']
    assert run_train([str(tiny_config), '--work-dir', str(work_dir), *options]) == 1
    assert 'epoch_2.pth cannot be written: disk is full.' in capfd.readouterr().err
    assert [path.name for path in work_dir.glob('*.pth')] == ['epoch_1.pth']
    assert not list(work_dir.glob('.*'))
    assert (work_dir / 'last_checkpoint').read_text() == str(work_dir / 'epoch_1.pth')
    monkeypatch.undo()
    assert run_train([str(tiny_config), '--work-dir', str(work_dir), '--resume', *options]) == 0
    assert [path.name for path in work_dir.glob('*.pth')] == ['epoch_2.pth']


def test_epochs_where_training_counts_iterations_are_refused(
    run_train, tiny_config, tmp_path, capfd
):
    child = tmp_path / 'child.py'
    child.write_text(
        f"_base_ = './{tiny_config.name}'\n"
        "train_cfg = dict(_delete_=True, type='IterBasedTrainLoop', max_iters=3)\n"
        "param_scheduler = [dict(type='LinearLR', start_factor=0.5)]\n"
    )
    assert run_train([str(child), '--work-dir', str(tmp_path / 'run')]) == 1
    assert 'LinearLR that counts epochs, but training counts iterations' in capfd.readouterr().err
    options = ['--cfg-options', 'param_scheduler.0.by_epoch=False']
    assert run_train([str(child), '--work-dir', str(tmp_path / 'run'), *options]) == 1
    assert 'set default_hooks.checkpoint.by_epoch=False' in capfd.readouterr().err
