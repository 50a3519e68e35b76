"""The pages in Chromium: nothing wider than a phone, readable light and dark, sorted by a click."""

import pytest
from browser import CHROMIUM, CONTRASTS, open_browser
from run_folders import LINEAR, changed, write_pretraining, write_run

from mmmask.benchmark.suite import load_suite
from mmmask.reports.comparison_page import report_on
from mmmask.reports.report import write_report

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason='there is no Chromium here'),
]


@pytest.fixture(scope='module')
def browser(tmp_path_factory):
    with open_browser(tmp_path_factory.mktemp('profile')) as page:
        yield page


@pytest.fixture
def suite_report(miniature):
    tasks = [
        dict(name=f'{arm}-{seed}', protocol='knn', weights=weights, arm=arm, seed=seed)
        for arm, weights in (
            ('untrained', 'none'),
            ('trained', 'a-checkpoint-with-a-long-name.pth'),
        )
        for seed in (9, 0)
    ]
    (miniature.root / 'a-checkpoint-with-a-long-name.pth').touch()
    miniature.run(tasks)
    suite = load_suite(miniature.suite(tasks, title='A-long-word-' * 9), miniature.root)
    return write_report(suite, miniature.work_dir)[0]


def check_page(browser, path):
    """Check a page at a phone's width and a desk's, light and dark."""
    browser.requests.clear()
    for width in (375, 1280):
        for dark in (False, True):
            browser.open(path, width, dark)
            assert browser.run('document.documentElement.scrollWidth') <= width
            ratio, text = min(browser.run(CONTRASTS))
            assert ratio >= 4.5, (text, dark)
            background = browser.run('getComputedStyle(document.body).backgroundColor')
            assert (background == 'rgb(18, 22, 28)') == dark
    assert browser.errors == []
    assert set(browser.requests) == {path.as_uri()}


def test_a_suites_report(browser, suite_report):
    check_page(browser, suite_report)
    browser.open(suite_report)
    table = 'table.sortable'
    assert browser.column(table, 0) == ['untrained', 'trained']
    browser.click(f'{table} th button', 0)
    assert browser.column(table, 0) == ['trained', 'untrained']
    browser.click(f'{table} th button', 1)  # seed 0: 50 and 60
    assert browser.column(table, 1) == ['50.0', '60.0']
    browser.click(f'{table} th button', 1)
    assert browser.column(table, 1) == ['60.0', '50.0']
    sort = f'[...document.querySelectorAll("{table} th")].map(th => th.ariaSort)'
    assert browser.run(sort)[:3] == [None, 'descending', None]


@pytest.fixture
def comparison(tmp_path):
    """Two arms of three seeds, and two linear probes that don't compare."""
    for seed in range(3):
        for name, value in (('ibot', 50 + 2 * seed), ('attmask-with-a-very-long-name', 8.5)):
            pretraining = tmp_path / f'{name}-{seed}'
            checkpoint = write_pretraining(pretraining, seed, f'{name}.py')
            metrics = {'knn/top1_k20': value, 'knn/top5_k20': 99.0}
            write_run(tmp_path / f'knn-{name}-{seed}', metrics, checkpoint=checkpoint)
    write_run(tmp_path / 'linear', {'linear/top1': 0.5}, LINEAR)
    write_run(tmp_path / 'fewer', {'linear/top1': 0.25}, changed(LINEAR, model__lrs=[0.1]))
    report_on([tmp_path], tmp_path / 'page.html')
    return tmp_path / 'page.html'


def test_a_comparison(browser, comparison):
    check_page(browser, comparison)
    browser.open(comparison)
    heads = browser.run('[...document.querySelectorAll(".runs th")].map(th => th.textContent)')
    metric = heads.index('knn/top1_k20')
    before = browser.column('.runs', metric)
    browser.click('.runs th button', metric)
    values = browser.column('.runs', metric)
    assert values == [*['8.50'] * 3, '50.00', '52.00', '54.00', *['–'] * 8] != before
    browser.click('.runs th button', metric)
    assert browser.column('.runs', metric)[:4] == ['54.00', '52.00', '50.00', '8.50']
    browser.click('.runs th button', 0)
    assert browser.column('.runs', 0)[0] == 'attmask-with-a-very-long-name-0'


def test_a_number_leads_to_its_command(browser, comparison):
    browser.open(comparison)
    browser.click('.runs td a', 1)
    opened = browser.run(
        '[...document.querySelectorAll("details[open] .name")].map(e => e.textContent)'
    )
    assert opened == [browser.column('.runs', 0)[1]]
    browser.click('button.copy')
    browser.run('new Promise(done => setTimeout(done, 300))')
    copied = browser.run('document.querySelector("button.copy").textContent === "copied"')
    command = browser.run('document.getElementById("command-0").textContent')
    assert command.startswith('mmmask train ')
    assert copied or browser.run('getSelection().toString()').strip() == command
