"""``tools/mask_coverage.py``: its table, its files, its errors."""

import json
from functools import partial

import numpy as np
import pytest
import torch
from PIL import Image

from mmmask.commands.main import run_command

main = partial(run_command, 'coverage')

NAMES = [
    'random',
    'AttMask-High',
    'AttMask-Hint',
    'AttMask-Low',
    'MST',
    'GPA, all hard',
    'ccMIM, published',
    'ccMIM, top',
]


def test_table_and_files(arguments, tmp_path, capsys):
    state = torch.get_rng_state()
    assert main([*arguments, '--ratio', '0.25']) == 0
    assert torch.equal(torch.get_rng_state(), state)
    report = json.loads((tmp_path / 'out/coverage.json').read_text())
    assert list(report['results']) == NAMES and report['num_images'] == 3
    assert (report['settings']['ratio'], report['settings']['source']) == (0.25, 'teacher')
    low, mst = report['results']['AttMask-Low'], report['results']['MST']
    assert low == mst  # a quarter of the patches, the least attended ones
    assert 'all its candidates, 1 / 4 of' in report['notes']['MST']
    assert all(measures['share']['mean'] == 0.25 for measures in report['results'].values())
    assert np.asarray(Image.open(tmp_path / 'out/coverage.png')).std() > 10
    difference = report['lift_of_high_less_low']
    lifts = [report['results'][name]['lift']['mean'] for name in ('AttMask-High', 'AttMask-Low')]
    assert difference['mean'] == pytest.approx(lifts[0] - lifts[1])
    console = capsys.readouterr().out
    assert f'image by image: {difference["mean"]:+.3f} +- ' in console
    rows = {line[:16].strip(): line[16:].split() for line in console.splitlines()}
    high = report['results']['AttMask-High']
    mean, error = (100 * high['recall'][key] for key in ('mean', 'standard_error'))
    assert rows['AttMask-High'][:4] == ['25.0', f'{mean:.1f}', '+-', f'{error:.1f}']


def test_the_same_seed_gives_the_same_file(arguments, tmp_path):
    texts = []
    for seed in ('0', '0', '1'):
        assert main([*arguments, '--seed', seed, '--draws', '2']) == 0
        texts.append(json.loads((tmp_path / 'out/coverage.json').read_text())['results'])
    assert texts[0] == texts[1] != texts[2]
    assert texts[0]['AttMask-High'] == texts[2]['AttMask-High']


def test_one_image_has_no_error(arguments, tmp_path):
    assert main([*arguments, '--limit', '1', '--head', 'sum', '--block', '0']) == 0
    report = json.loads((tmp_path / 'out/coverage.json').read_text())
    assert report['num_images'] == 1
    assert report['results']['random']['recall']['standard_error'] is None
    assert report['notes']['GPA, all hard'] == 'attention received, block 0, head sum'


@pytest.mark.parametrize(
    'options, message',
    [
        (['--images', 'nothing'], "there is no folder 'nothing'"),
        (['--ratio', '0.01'], '--ratio 0.01 masks 0 of 16 patches'),
        (['--head', '7'], 'reads head 7, but the backbone has 2 heads'),
    ],
)
def test_mistakes(arguments, options, message, capsys):
    assert main([*arguments, *options]) == 1
    errors = capsys.readouterr().err.strip().splitlines()
    assert len(errors) == 1 and errors[0].startswith('error: ') and message in errors[0]
