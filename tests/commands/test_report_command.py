"""``mmmask report``: the page and the text of made-up runs."""

import json
import re
from html import unescape

import pytest
from run_folders import LINEAR, changed, write_pretraining, write_run

from mmmask.commands.main import run_command

TOP1, TOP5 = 'knn/top1_k20', 'knn/top5_k20'


@pytest.fixture
def runs(tmp_path, monkeypatch):
    """Two k-NN runs that compare, and two linear probes with other numbers of rates."""
    monkeypatch.chdir(tmp_path)
    checkpoint = write_pretraining(tmp_path / 'pre', 0)
    hardware = dict(gpu='GPU X', gpus=2, driver='570.1', cpu='Chip 9', cores=4, processes=2)
    took = dict(hardware=hardware, data_wait_share=0.125, energy_j=dict(gpu=7200.0, cpu=36000.0))
    write_run(tmp_path / 'none', {TOP1: 12.345678, TOP5: 40.0}, seed=0)
    trained = {TOP1: 23.456789, TOP5: 50.0}
    write_run(tmp_path / 'knn <b>', trained, checkpoint=checkpoint, checkpoint_sha256='ab' * 32)
    write_run(tmp_path / 'linear', {'linear/top1': 0.5}, LINEAR, **took)
    fewer = changed(LINEAR, model__lrs=[0.1])
    write_run(tmp_path / 'linear-1', {'linear/top1': 0.625}, fewer)
    return ['none', 'knn <b>', 'linear', 'linear-1']


def rows(page):
    """Return the texts of the cells of each table's rows."""
    found = re.findall(r'<tr.*?</tr>', page, flags=re.S)
    cells = (re.findall(r'<t[hd][^>]*>(.*?)</t[hd]>', row, flags=re.S) for row in found)
    return [[unescape(re.sub(r'<[^>]+>', '', cell)).strip() for cell in row] for row in cells]


def test_the_page_has_the_numbers_of_the_runs(runs, tmp_path, capsys):
    assert run_command('report', [*runs, '--out', 'page.html']) == 0
    page = (tmp_path / 'page.html').read_text()
    table = {row[0]: row for row in rows(page)}
    heads = rows(page)[0]
    assert heads[:8] == ['run', 'arm', 'seed', TOP1, TOP5, 'linear/top1', 'time', 'command']
    assert heads[8:10] == ['waits for data', 'energy']
    assert table['none'][1:8] == ['untrained', '0', '12.35', '40.00', '–', '2 min', 'copy']
    assert table['knn <b>'][1:6] == ['ibot', '0', '23.46', '50.00', '–']
    assert table['linear'][1:7] == ['from scratch', '0', '–', '–', '0.5000', '2 min']
    assert table['linear'][8:10] == ['12 %', '2 Wh gpu + 10 Wh cpu']
    assert table['linear'][10] == '2 × GPU X, driver 570.1; Chip 9, 4 cores; 2 processes'
    assert 'data-value="12.345678"' in page and '<b>23.456789</b>' in page  # as result.json has it
    for name in ('none', 'linear-1'):
        command = json.loads((tmp_path / name / 'result.json').read_text())['command']
        assert f'{command}</pre>' in page
    verdict = ['ibot − untrained', 'seeds', '+11.11', '–', '1.000', '1 seed cannot show it']
    assert verdict in rows(page)
    assert 'Other number of rates tried' in page and '3 (0.01, 0.1, 1)' in page
    assert not re.search(r'https?://|@import|url\(|<script |<link|<iframe|<b> ', page)


def test_the_text_has_verdicts_and_refusals(runs, capsys, tmp_path):
    assert run_command('report', runs) == 0
    text = capsys.readouterr().out
    assert re.search(r'^none +untrained +0 +12.35 +40 +2 min$', text, flags=re.M)
    assert f'{TOP1}: ibot − untrained +11.11; over seeds: 1 seed cannot show it' in text
    refused = 'not comparable: linear and linear-1, linear/top1: other number of rates tried '
    assert f'{refused}(config.model.lrs: 3 (0.01, 0.1, 1) and 1 (0.1))' in text
    assert text.rstrip().endswith(f'report: {tmp_path / "report.html"}')


def test_metrics_can_be_chosen(runs, tmp_path):
    assert run_command('report', [*runs, '--metrics', 'knn/top5*']) == 0
    assert rows((tmp_path / 'report.html').read_text())[0][3:5] == [TOP5, 'time']


@pytest.mark.parametrize(
    'words, message',
    [
        (['nowhere'], "There is no folder 'nowhere'"),
        (['none', '--metrics', 'knn/top2'], "No run has a metric 'knn/top2'"),
        (['none', '--out', 'nowhere/page.html'], "--out 'nowhere/page.html': name a file"),
        (['none', '--out', 'none'], "--out 'none': name a file"),
    ],
)
def test_mistakes_are_one_line_and_write_nothing(runs, tmp_path, capsys, words, message):
    assert run_command('report', words) == 1
    error = capsys.readouterr().err
    assert error.startswith(f'error: {message}') and error.count('\n') == 1
    assert not list(tmp_path.glob('*.html'))
