"""The pages in Chromium: nothing wider than a phone, readable light and dark, sorted by a click."""

import pytest
from browser import CHROMIUM, CONTRASTS, open_browser

from mmmask.benchmark.report import write_report
from mmmask.benchmark.suite import load_suite

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
