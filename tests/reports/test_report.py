import json
import re

import numpy as np
import pytest
from safetensors.numpy import save_file

from mmmask.benchmark import identity
from mmmask.benchmark.runner import SuiteFailed
from mmmask.benchmark.suite import load_suite
from mmmask.reports.figures import check_figures
from mmmask.reports.report import write_report
from mmmask.utils.errors import UserError

TASKS = [
    task
    for s in (0, 1)
    for task in (
        dict(name=f'pre-{s}', protocol='pretrain', seed=s),
        dict(name=f'none-{s}', protocol='knn', weights='none', arm='untrained', seed=s),
        dict(name=f'knn-{s}', protocol='knn', weights=f'pre-{s}', arm='pre-trained', seed=s),
    )
]
TRAINING = dict(type='training', panels=[dict(title='Loss', names={'loss': 'loss'})])


CANNOT = '2 seeds cannot show it'


def report_of(miniature, tasks=TASKS, protocols=None):
    suite = load_suite(miniature.suite(tasks, protocols, title='Bricks & <b>'), miniature.root)
    path, missing_figures = write_report(suite, miniature.work_dir)
    return path.read_text(), missing_figures


def cells(page):
    """Rows of tables as lists of text."""
    rows = re.findall(r'<tr.*?</tr>', page, flags=re.S)
    strip = [re.findall(r'<t[hd][^>]*>(.*?)</t[hd]>', row, flags=re.S) for row in rows]
    return [[re.sub(r'<[^>]+>', '', cell).strip() for cell in row] for row in strip]


def log_a_loss(miniature):
    scalars = miniature.work_dir / 'pre-0' / 'x' / 'vis_data' / 'scalars.json'
    scalars.parent.mkdir(parents=True)
    scalars.write_text(
        json.dumps(dict(loss=2.0, iter=1, step=1)) + '\n' + json.dumps(dict(loss=1, iter=2, step=2))
    )


@pytest.fixture
def protocols(miniature):
    pretrain = dict(miniature.protocols['pretrain'], figures=[TRAINING])
    return dict(miniature.protocols, pretrain=pretrain)


def test_the_report_by_hand(miniature, protocols):
    miniature.run(TASKS, jobs=2, protocols=protocols)
    log_a_loss(miniature)
    page, missing_figures = report_of(miniature, protocols=protocols)
    assert missing_figures == []
    # The stub gives 50 + seed, and 10 more with weights. Deviation of (0, 1): sqrt(1/2) = 0.7.
    # Both gains are 10: their interval has no width.
    assert cells(page) == [
        ['arm', 'seed 0', 'seed 1', 'mean', '± over seeds', '± over images', 'n'],
        ['untrained', '50.0', '51.0', '50.5', '0.7', '–', '2'],
        ['pre-trained', '60.0', '61.0', '60.5', '0.7', '–', '2'],
        ['pre-trained − untrained', '+10.0', '+10.0', '+10.0', '', '', '2'],
        ['', 'over other', 'difference', '95 % interval', 'p (Holm)', 'verdict'],
        ['pre-trained − untrained', 'seeds', '+10.0', '+10.0 to +10.0', '0.500', CANNOT],
    ]
    assert f'untrained → pre-trained: {CANNOT}' in page
    assert '-m mmmask test configs/knn.py out/pre-1/last.pth --work-dir out/knn-1 --seed 1' in page
    assert re.search(r'k <b>20</b>', page) and 'python <b>3.x</b>' in page
    assert 'Bricks &amp; &lt;b&gt;' in page and 'FAILED' not in page and 'Not done' not in page


def test_outcomes_of_images_have_a_row_of_their_own(miniature, protocols):
    miniature.run(TASKS, protocols=protocols)
    for task, right in (('none', 20), ('knn', 29)):  # of 40
        for seed in (0, 1):
            outcomes = np.repeat(np.float32([100, 0]), [right, 40 - right])
            path = miniature.work_dir / f'{task}-{seed}' / 'outcomes.safetensors'
            save_file({'accuracy/top1': outcomes}, path)
    page, _ = report_of(miniature, protocols=protocols)
    # Standard errors: 50 / sqrt(39) = 8.0 and 100 sqrt(0.725 x 0.275 / 39) = 7.15.
    assert [row[5] for row in cells(page)[1:3]] == ['8.0', '7.1']
    name, over, difference, _, p, verdict = cells(page)[6]
    assert (name, over, difference, verdict) == ('', 'test images', '+22.5', 'clearly higher')
    assert p == '0.004'  # 2 / 2^9


def test_the_report_needs_nothing_else(miniature, protocols):
    miniature.run(TASKS, protocols=protocols)
    log_a_loss(miniature)
    page, _ = report_of(miniature, protocols=protocols)
    sources = re.findall(r'(?:src|href|srcset|data|action)\s*=\s*"([^"]*)"', page)
    assert sources and all(source.startswith('data:image/') for source in sources)
    assert not re.search(r'https?://|@import|url\(|<script |<link|<iframe', page)


def test_tables_of_the_suite_come_first(miniature):
    arms = dict(
        scratch=dict(weights='none', title='from scratch'),
        pre=dict(protocol='pretrain', title='MAE'),
        dino=dict(source='its authors'),
    )
    columns = [dict(label='k-NN', metric='knn')]
    rows = [
        dict(label=name, arm=name, published=[value])
        for name, value in (('scratch', 50.0), ('pre', 61.0), ('dino', 70.0))
    ]
    table = dict(name='t1', title='T 1', columns=columns, rows=rows, baseline='scratch')
    knn = {k: v for k, v in miniature.protocols['knn'].items() if k != 'baseline'}
    figures = [dict(type='sweep', table='t1', along='rows')]
    values = dict(protocols=dict(miniature.protocols, knn=knn), arms=arms)
    values.update(tables=[table], figures=figures, seeds=[0, 1])
    miniature.run([], **values)
    suite = load_suite(miniature.suite([], **values), miniature.root)
    page = write_report(suite, miniature.work_dir)[0].read_text()
    # The stub gives 50 + seed, and 10 more with weights.
    assert '<caption>T 1</caption>' in page and '<code>dino=FILE</code> (its authors)' in page
    assert page.index('<caption>T 1') < page.index('<figcaption>Bars are ± one standard')
    assert page.index('<figcaption>') < page.index('<h2>k-NN</h2>')
    name, over, *_, verdict = cells(page)[5]
    assert (name, over, verdict) == ('MAE − from scratch', 'seeds', CANNOT)
    text = (miniature.work_dir / 'table.md').read_text()
    assert text.startswith('### T 1\n') and text == (
        (miniature.work_dir / 'tables' / 't1.md').read_text()
        + '\n'
        + text[text.index('| k-NN: ') :]
    )
    assert '| pre | 60.5 ± 0.7<br>*61.0* (-0.5) |' in text and '| dino | *70.0* |' in text


def test_the_hardware_is_told(miniature, protocols):
    miniature.run(TASKS[:2], protocols=protocols)
    path = miniature.work_dir / 'none-0' / 'result.json'
    result = dict(json.loads(path.read_text()), hardware=dict(cpu='Chip 9', cores=4, gpu='GPU X'))
    path.write_text(json.dumps(result))
    page, _ = report_of(miniature, TASKS[:2], protocols=protocols)
    assert '<li>hardware <b>1 × GPU X; Chip 9, 4 cores</b></li>' in page


def test_failures_are_told(miniature, protocols):
    miniature.config('pretrain', broken=True)
    with pytest.raises(SuiteFailed):
        miniature.run(TASKS[:3], keep_going=True, protocols=protocols)
    page, _ = report_of(miniature, TASKS[:3], protocols=protocols)
    assert 'FAILED' in page and 'pre-0 (ValueError: the images are upside down' in page
    assert 'knn-0 (needs pre-0' in page
    assert cells(page)[1] == ['untrained', '50.0', '50.0', '–', '–', '1']


def test_what_did_not_run_is_told(miniature, protocols):
    miniature.run(TASKS, only=['none-0'], protocols=protocols)
    page, _ = report_of(miniature, protocols=protocols)
    assert 'Not done' in page and 'pre-0, knn-0, pre-1' in re.sub(r'\s+', ' ', page)
    assert '1 of 4 runs are done' in page


def test_results_of_another_config_are_told(miniature, protocols):
    miniature.run(TASKS, protocols=protocols)
    miniature.config('knn', k=7)
    identity._resolve.cache_clear()
    page, _ = report_of(miniature, protocols=protocols)
    assert 'none-0 does not belong to the present config and data: config.k changed from 20' in page
    assert re.search(r'k <b>20</b>', page)  # what the numbers were made with
    assert miniature.read('results.json')[0]['protocol']['values'] == dict(k=20)


def test_a_figure_that_fails_costs_no_number(miniature, protocols):
    protocols['pretrain']['figures'] = [dict(type='attention', images='nowhere/*.jpg', size=8)]
    miniature.run(TASKS, protocols=protocols)
    page, missing_figures = report_of(miniature, protocols=protocols)
    assert len(missing_figures) == 1 and missing_figures[0].startswith(
        "pretrain: no figure 'attention': "
    )
    assert '+10.0' in page and 'no figure &#39;attention&#39;' in page


@pytest.mark.parametrize(
    'figure, message',
    [
        (dict(type='atention'), "no such figure: 'atention'; did you mean 'attention'"),
        (dict(TRAINING, panel=1), "figure 'training' takes no 'panel'; did you mean 'panels'"),
        (dict(type='masks', size=8), "figure 'masks' needs 'images'"),
    ],
)
def test_wrong_figures_are_told_before_anything_runs(miniature, protocols, figure, message):
    protocols['pretrain']['figures'] = [figure]
    suite = load_suite(miniature.suite(TASKS, protocols), miniature.root)
    with pytest.raises(UserError, match=message):
        check_figures(suite)
