"""Every suite of a paper: the configs of its tasks exist and take their options, in a demo too."""

import pytest
from config_values import CONFIGS

from mmmask.benchmark.identity import resolve_config, value_at
from mmmask.benchmark.suite import load_suite
from mmmask.reports.figures import check_figures

ROOT = CONFIGS.parent
SUITES = sorted(str(path.relative_to(CONFIGS)) for path in CONFIGS.glob('suites/*/[!_]*.py'))
SUITES = [name for name in SUITES if '_base_' not in name]


@pytest.mark.parametrize('name', SUITES)
@pytest.mark.parametrize('demo', [False, True], ids=['paper', 'demo'])
def test_every_task_takes_its_options(name, demo):
    suite = load_suite(CONFIGS / name, ROOT, demo=demo)
    assert suite.tables or suite.figures
    check_figures(suite)
    assert suite.tasks, 'nothing of it runs without a checkpoint of the user'
    for task in suite.tasks:
        config = resolve_config(task, ROOT)
        for path in task.protocol.values.values():
            value_at(config, path)


@pytest.mark.parametrize('name', SUITES)
def test_a_table_has_published_numbers_and_each_arm_a_name(name):
    suite = load_suite(CONFIGS / name, ROOT)
    for table in suite.tables:
        cells = [cell for row in table.rows for cell in row.cells]
        assert any(cell.published is not None for cell in cells)
    titles = [arm.title for arm in suite.arms.values()]
    assert all(titles) and len(set(titles)) == len(titles)
