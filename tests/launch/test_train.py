"""The launchers in this process, on a run of a second."""

import json
import re
from pathlib import Path

import pytest
import torch
from safetensors.numpy import load_file


@pytest.fixture
def trained(tiny_config, tmp_path, run_train) -> Path:
    """Work dir of a run that has succeeded."""
    work_dir = tmp_path / 'run'
    assert run_train([str(tiny_config), '--work-dir', str(work_dir), '--seed', '5']) == 0
    return work_dir


def test_train_and_test_write_their_results(
    tiny_config, trained, tmp_path, capfd, run_train, run_test
):
    result = json.loads((trained / 'result.json').read_text())
    assert result['status'] == 'done'
    assert result['seed'] == 5
    assert set(result['metrics']) == {'accuracy/top1'}
    assert result['checkpoint'] is None
    assert result['output_checkpoint'] == str(trained / 'epoch_2.pth')
    assert result['versions']['torch'] == torch.__version__
    assert result['command'].startswith('mmmask train ')
    assert result['duration_s'] > 0
    assert not list(trained.glob('.*.part'))
    images = load_file(trained / 'outcomes.safetensors')['accuracy/top1']  # right or wrong
    assert images.shape == (12,) and set(images) <= {0, 100}
    assert images.mean() == pytest.approx(result['metrics']['accuracy/top1'])

    checkpoint = result['output_checkpoint']
    tested = tmp_path / 'tested'
    assert run_test([str(tiny_config), checkpoint, '--work-dir', str(tested)]) == 0
    result = json.loads((tested / 'result.json').read_text())
    assert result['checkpoint'] == checkpoint
    assert len(result['checkpoint_sha256']) == 64
    assert result['output_checkpoint'] is None

    capfd.readouterr()
    assert run_test([str(tiny_config), 'none', '--work-dir', str(tested)]) == 0
    assert json.loads((tested / 'result.json').read_text())['checkpoint'] is None
    console = capfd.readouterr().out
    assert 'untrained' in console
    assert len(console.splitlines()) < 40

    # the whole model, strictly, into a training
    load = ['--cfg-options', f'load_from={checkpoint}', '--work-dir', str(tmp_path / 'second')]
    assert run_train([str(tiny_config), *load]) == 0
    result = json.loads((tmp_path / 'second' / 'result.json').read_text())
    assert result['checkpoint'] == checkpoint


def test_load_from_outdoes_init_cfg(tiny_config, trained, tmp_path, run_train):
    """A trained model goes on by its own config, which still names the pre-training."""
    trained_model = str(trained / 'epoch_2.pth')
    content = torch.load(trained_model, weights_only=False)
    for value in content['state_dict'].values():
        value.mul_(2)
    torch.save(content, tmp_path / 'pretraining.pth')
    init_cfg = dict(type='Pretrained', checkpoint=str(tmp_path / 'pretraining.pth'))
    with tiny_config.open('a') as file:
        file.write(f"\nmodel['backbone']['init_cfg'] = {init_cfg}\n")
    load = ['--cfg-options', f'load_from={trained_model}', '--work-dir', str(tmp_path / 'second')]
    assert run_train([str(tiny_config), *load]) == 0


def test_a_finished_run_is_resumed_to_its_validation(tiny_config, trained, run_train):
    (trained / 'result.json').unlink()
    assert run_train([str(tiny_config), '--work-dir', str(trained), '--resume']) == 0
    result = json.loads((trained / 'result.json').read_text())
    assert set(result['metrics']) == {'accuracy/top1'}


def test_the_console_has_the_run_and_the_log_has_all(tiny_config, tmp_path, capfd, run_train):
    arguments = [str(tiny_config), '--work-dir', str(tmp_path / 'run')]
    assert run_train([*arguments, '--cfg-options', 'default_hooks.logger.interval=1']) == 0
    said = capfd.readouterr()
    assert said.err == ''
    (log,) = (tmp_path / 'run').rglob('*.log')
    assert said.out.splitlines()[0].endswith(f'The log has more than the console: {log}')
    assert 'Epoch(train) [1][3/3]' in said.out and 'eta: 0:00:' in said.out
    whole = log.read_text()
    for text in ('System environment', 'train_dataloader = dict(', 'Hooks will be', '"FileClient"'):
        assert text in whole and text not in said.out


def errors(capfd, status: int) -> str:
    """The one line that an error was told in."""
    assert status == 1
    captured = capfd.readouterr().err
    assert 'Traceback' not in captured
    lines = [line for line in captured.splitlines() if line.startswith('error')]
    assert len(lines) == 1
    return lines[0]


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (['model.head.num_classes=3'], 'model.head.num_classes: .* has 2 classes'),
        (['train_dataloader.dataset.data_root=/nowhere'], 'does not exist: /nowhere'),
        (
            ['model.head.type=LinearClsHed'],
            "'LinearClsHed' is registered.* Did you mean 'LinearClsHead'",
        ),
        (['load_from=nothing.pth'], "no checkpoint 'nothing.pth' .load_from."),
        (['train_cfg.max_epoch=1'], "Did you mean 'max_epochs'"),
        (['train_cfg.whatever=1'], 'whatever'),
        (['train_dataloader=None'], 'has no train_dataloader: there is nothing to train'),
        (['default_hooks.checkpoint.by_epoch=False'], 'middle of one could not be resumed'),
        (['model.backbone.arch=huger'], 'huger.*AssertionError during the set-up'),
    ],
)
def test_mistakes_are_one_line(tiny_config, tmp_path, capfd, options, message, run_train):
    status = run_train(
        [str(tiny_config), '--work-dir', str(tmp_path / 'run'), '--cfg-options', *options]
    )

    assert re.search(message, errors(capfd, status))
    assert not (tmp_path / 'run' / 'result.json').exists()


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        (['--resume', 'nothing.pth'], 'there is no such checkpoint'),
        (['--amp', 'fp16'], 'needs a GPU'),
        (['--auto-scale-lr'], 'base_batch_size'),
        (['--launcher', 'pytorch'], 'dist_train.sh'),
    ],
)
def test_options_that_cannot_be_met_are_one_line(
    tiny_config, tmp_path, capfd, arguments, message, monkeypatch, run_train
):
    monkeypatch.delenv('RANK', raising=False)
    if '--amp' in arguments and torch.cuda.is_available():
        pytest.skip('there is a GPU')
    status = run_train([str(tiny_config), '--work-dir', str(tmp_path / 'run'), *arguments])
    assert message in errors(capfd, status)


def test_debug_shows_the_traceback(tmp_path, capfd, run_train):
    assert run_train([str(tmp_path / 'no.py'), '--debug']) == 1
    assert 'Traceback' in capfd.readouterr().err


def test_wrong_checkpoint_for_a_test(tiny_config, trained, tmp_path, capfd, run_test):
    run = ['--work-dir', str(tmp_path / 'tested')]
    status = run_test([str(tiny_config), 'nothing.pth', *run])
    assert "no checkpoint 'nothing.pth'" in errors(capfd, status)
    other = ['--cfg-options', 'model.backbone.arch.embed_dims=16', 'model.head.in_channels=16']
    status = run_test([str(tiny_config), str(trained / 'epoch_2.pth'), *run, *other])
    assert "doesn't fit" in errors(capfd, status)


def test_malformed_options_end_in_a_usage_message(tiny_config, capfd, run_train):
    with pytest.raises(SystemExit) as caught:
        run_train([str(tiny_config), '--cfg-options', 'novalue'])
    assert caught.value.code == 2
    assert 'KEY=VALUE' in capfd.readouterr().err
