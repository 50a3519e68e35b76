"""The command: its table, its files and its errors."""

import json
from functools import partial

import pytest
from PIL import Image

from mmmask.commands.main import run_command
from mmmask.commands.time_loader import table

main = partial(run_command, 'time-loader')


def test_all_of_it(tiny_config, tmp_path, capsys):
    out, file = tmp_path / 'out', tmp_path / 'figures.json'
    words = ['--workers', '1', '--seconds', '1', '--steps', '2', '--device', 'cpu']
    assert main([str(tiny_config), *words, '--json', str(file), '--out', str(out)]) == 0
    report = json.loads(file.read_text())
    assert report == json.loads((out / 'time-loader.json').read_text())
    assert report['batch_size'] == 4
    assert [rate['workers'] for rate in report['rates']] == [1]
    step, image = report['step'], report['image']
    assert step['images_per_s'] == pytest.approx(4 / step['seconds'])
    assert report['cores_needed'] == pytest.approx(4 * image['seconds'] / step['seconds'])
    assert Image.open(out / 'time-loader.png').width == 1430
    console = capsys.readouterr()
    assert 'LoadImageFromFile' in console.out and 'needs' in console.out
    assert 'initialized' not in console.out.lower()


def part(*path, seconds, calls=1.0):
    return dict(path=list(path), seconds=seconds, calls=calls)


def test_the_table():
    parts = [
        part('Load', seconds=0.003),
        part('Load', 'read', seconds=0.001),
        part('collate', seconds=0.001, calls=0.25),
    ]
    report = dict(
        config='x.py',
        device='A100',
        cores=8,
        torch='2',
        batch_size=4,
        config_workers=2,
        rates=[
            dict(workers=0, images_per_s=250.0, waiting_share=0.8),
            dict(workers=2, images_per_s=500.0, waiting_share=0.5),
            dict(workers=8, images_per_s=1900.0, waiting_share=0.0),
        ],
        image=dict(seconds=0.004, images=100, parts=parts),
        copy_seconds=0.0001,
        step=dict(seconds=0.004, images_per_s=1000.0),
        cores_needed=4.0,
    )
    rows = [line.split() for line in table(report).splitlines()]
    assert ['0', '250', '80%'] in rows and ['2', '*', '500', '50%'] in rows
    assert ['Load', '3.000', '75.0%', '1'] in rows
    assert ['read', '1.000', '25.0%', '1'] in rows
    assert ['collate', '1.000', '25.0%', '0.25'] in rows
    text = table(report)
    assert 'copy of an image to the GPU: 0.100 ms' in text
    assert 'needs 4.00 core(s)' in text
    assert text.splitlines()[-1] == 'With 8 worker(s) it waits for less than 10 % of its time.'
    del report['rates'][2]
    assert 'it waits for over 10 %' in table(report)
    report['step'] = None
    assert 'needs' not in table(report) and 'waiting' not in table(report)


@pytest.mark.parametrize(
    'option, message',
    [
        ('train_dataloader=None', 'has no train_dataloader'),
        ('train_dataloader.dataset.data_root=nowhere', 'nowhere'),
    ],
)
def test_mistakes_are_one_line(option, message, tiny_config, capsys):
    assert main([str(tiny_config), '--workers', '0', '--cfg-options', option]) == 1
    console = capsys.readouterr().err
    assert message in console and 'Traceback' not in console
    assert len([line for line in console.splitlines() if line.startswith('error')]) == 1


def test_a_negative_number_of_workers(tiny_config, capsys):
    with pytest.raises(SystemExit) as caught:
        main([str(tiny_config), '--workers', '-1'])
    assert caught.value.code == 2 and '--workers' in capsys.readouterr().err
