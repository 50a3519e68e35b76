"""Filled tables, against numbers worked out by hand."""

import math
from pathlib import Path

import numpy as np
import pytest

from mmmask.benchmark.arms import Arm
from mmmask.benchmark.paper_table import Cell, Column, Row, Table
from mmmask.benchmark.suite import Metric, Protocol, Suite
from mmmask.reports.filled_table import fill_tables

PROTOCOLS = dict(
    knn=Protocol('knn', 'test', 'c.py', 'k-NN', metrics=(Metric('top1', 'accuracy', scale=100),)),
    loss=Protocol(
        *('loss', 'test', 'c.py', 'loss'), metrics=(Metric('l', 'loss', lower_is_better=True),)
    ),
)
ARMS = {name: Arm(name, name.upper(), weights='none') for name in ('low', 'high', 'hint')}


def records(protocol, images=None, **arms):
    """Make records of arms: their values by seed, and outcomes of images by seed."""
    name = PROTOCOLS[protocol].metrics[0].name
    return [
        dict(group=protocol, metric=name, arm=arm, seed=seed, value=value)
        | ({'outcomes': np.array(images[arm][seed], np.float32)} if images else {})
        for arm, values in arms.items()
        for seed, value in enumerate(values)
    ]


def fill(rows, columns, found, baseline='', demo=False, arms=ARMS, relative_to=''):
    """Fill a table of (label, cells) rows and columns by label."""
    rows = tuple(Row((label,), tuple(cells)) for label, *cells in rows)
    columns = tuple(Column(label, relative_to=relative_to) for label in columns)
    table = Table('t', 'T', ('method',), columns, rows, baseline=baseline)
    suite = Suite(
        Path('.'), '', '', (), (), PROTOCOLS, (), arms=arms, tables=(table,), is_demo=demo
    )
    (filled,) = fill_tables(suite, found)
    return filled


def methods(*arms):
    """Make rows of arms, to be measured by k-NN and loss."""
    return [(arm, Cell(arm, None, 'knn', 0, 50.5), Cell(arm, None, 'loss', 0)) for arm in arms]


LOW = [0.50, 0.51, 0.52, 0.50, 0.51, 0.52]
HIGH = [0.52, 0.54, 0.56, 0.53, 0.52, 0.55]  # gains of 2, 3, 4, 3, 1, 3: all of one sign


def best(filled):
    return [[cell.best for cell in row] for row in filled.rows]


def test_the_best_of_a_column_is_marked_where_it_is_clear():
    # Six gains of one sign: p = 2 / 2^6. Losses: five fall and one rises, p = 14 / 2^6 or more.
    found = records('knn', low=LOW, high=HIGH)
    found += records('loss', low=[2.0] * 6, high=[1.9, 1.8, 1.9, 1.8, 1.9, 2.1])
    filled = fill(methods('low', 'high'), ['k-NN', 'loss'], found)
    assert filled.along == 'column' and best(filled) == [[False, False], [True, False]]
    low = filled.rows[0][0]
    assert low.result.mean == pytest.approx(51) and low.result.std == pytest.approx(
        math.sqrt(4 / 5)
    )
    assert low.difference == pytest.approx(0.5) and filled.rows[0][1].difference is None


def test_the_lowest_loss_is_the_best():
    found = records('loss', low=[2.0] * 6, high=[1.9, 1.8, 1.9, 1.8, 1.9, 1.7])
    assert best(fill(methods('low', 'high'), 'kl', found)) == [[False, False], [False, True]]


def test_five_seeds_mark_nothing():
    found = records('knn', low=LOW[:5], high=HIGH[:5])
    filled = fill(methods('low', 'high'), 'kl', found)
    assert filled.along == 'column' and best(filled) == [[False, False]] * 2


def test_the_best_must_be_clear_of_all_others_together():
    # High is above both, with p = 2 / 2^6 each; of two comparisons that is 4 / 2^6 by Holm.
    found = records('knn', low=LOW, high=HIGH, hint=LOW)
    assert best(fill(methods('low', 'high', 'hint'), 'kl', found)) == [[False, False]] * 3
    more = records('knn', low=[*LOW, 0.5], high=[*HIGH, 0.6], hint=[*LOW, 0.5])
    assert best(fill(methods('low', 'high', 'hint'), 'kl', more))[1] == [True, False]


def test_one_number_in_each_column_competes_along_the_row():
    row = [('', Cell('low', None, 'knn'), Cell('high', None, 'knn'))]
    filled = fill(row, ['low', 'high'], records('knn', low=LOW, high=HIGH))
    assert filled.along == 'row' and best(filled) == [[False, True]]
    assert fill(row[:1], ['low', 'high'], records('knn', low=LOW)).along == ''


def grouped(groups, arms=('low', 'high', 'hint')):
    """Make a row of arms whose columns have groups."""
    columns = tuple(Column(arm, group) for arm, group in zip(arms, groups))
    row = Row(('k-NN',), tuple(Cell(arm, None, 'knn') for arm in arms))
    table = Table('t', 'T', ('',), columns, (row,))
    suite = Suite(Path('.'), '', '', (), (), PROTOCOLS, (), arms=ARMS, tables=(table,))
    return fill_tables(suite, records('knn', low=LOW, high=HIGH, hint=[0.4] * 6))[0]


def test_groups_of_columns_compete_apart():
    filled = grouped('aab')
    assert filled.along == 'row and group' and best(filled) == [[False, True, False]]
    # Groups of one number each: the whole row competes, in two comparisons, 4 / 2^6 by Holm.
    assert grouped('abc').along == 'row' and best(grouped('abc')) == [[False] * 3]


def test_a_published_number_marks_nothing_and_hides_nothing():
    rows = [
        *methods('low', 'high'),
        ('other', Cell(None, None, 'knn', 0, 99.0), Cell()),
    ]
    filled = fill(rows, 'kl', records('knn', low=LOW, high=HIGH))
    assert best(filled) == [[False, False], [True, False], [False, False]]
    assert filled.rows[2][0].result is None


def test_gains_are_paired_by_seed_and_by_image():
    images = dict(low=[[100, 0, 0, 0], [100, 0, 0, 0]], high=[[100, 100, 0, 0], [100, 0, 100, 0]])
    found = records('knn', images, low=[25, 25], high=[50, 50])
    found = [dict(one, value=one['value'] / 100, outcomes=one['outcomes'] / 100) for one in found]
    found += records('knn', low=[], high=[0.1] * 3)[2:]  # a third seed of one arm alone
    filled = fill([('gain', Cell('high', 'low', 'knn', 0, 24.0))], 'k', found)
    ((gain,),) = filled.rows
    assert gain.result.values == {0: 25.0, 1: 25.0} and gain.result.std == 0
    # Differences of images, mean over seeds: 0, 50, 50, 0: sqrt(2500 / 3 / 4).
    assert gain.result.image_std == pytest.approx(math.sqrt(2500 / 12))
    assert gain.difference == pytest.approx(1) and not gain.best
    (comparison,) = filled.comparisons
    assert (comparison.baseline.arm, comparison.other.arm) == ('LOW', 'HIGH')
    assert comparison.seeds['mean'] == 25 and comparison.images['mean'] == 25


def test_all_comparisons_of_a_table_are_one_family():
    # p is 2 / 2^6 in both columns: 4 / 2^6 by Holm. A gain that repeats a pair counts once.
    found = records('knn', low=LOW, high=HIGH)
    found += records('loss', low=[2.0] * 6, high=[1.9] * 6)
    rows = [*methods('low', 'high'), ('gain', Cell('high', 'low', 'knn'), Cell())]
    first, second = fill(rows, 'kl', found, baseline='low').comparisons
    assert (first.protocol.name, second.protocol.name) == ('knn', 'loss')
    assert first.seeds['p'] == 2 / 64 and first.seeds['p_holm'] == 4 / 64
    assert second.seeds['verdict'] == '6 seeds cannot show it among 2 comparisons, 7 could'
    (alone,) = fill(methods('low', 'high'), 'kl', found[:12], baseline='low').comparisons
    assert alone.seeds['verdict'] == 'clearly higher' and alone.seeds['mean'] == pytest.approx(
        8 / 3
    )


def test_a_demo_is_not_compared_with_the_paper():
    filled = fill(methods('low', 'high'), 'kl', records('knn', low=LOW, high=HIGH), demo=True)
    assert all(cell.difference is None for row in filled.rows for cell in row)
    assert filled.rows[0][0].cell.published == 50.5 and best(filled)[1] == [True, False]


def test_a_diverged_run_is_neither_best_nor_compared():
    found = records('knn', low=LOW, high=[*HIGH[:5], math.nan])
    filled = fill(methods('low', 'high'), 'kl', found, baseline='low')
    assert best(filled) == [[False, False]] * 2 and filled.rows[1][0].difference is None
    assert filled.comparisons[0].seeds['verdict'] == 'cannot be compared: 1 of 6 seeds not finite'


def test_what_was_not_run_says_where_its_number_is_from():
    given = {**ARMS, 'dino': Arm('dino', 'DINO', source='Caron et al.')}
    rows = methods('low', 'dino')
    filled = fill(rows, 'kl', records('knn', low=LOW), arms=given)
    assert filled.sources == ('', 'Caron et al.') and filled.rows[1][0].result is None
    found = records('knn', low=LOW, dino=HIGH)
    assert fill(rows, 'kl', found, arms=given).sources == ('', '')
    # A protocol that no task uses is not in the suite.
    assert fill([('a', Cell('low', None, 'gone', 1, 3.0))], 'k', []).rows[0][0].metric is None


def test_records_of_other_tasks_are_left_alone():
    found = records('knn', low=LOW, high=HIGH, somebody=HIGH)
    filled = fill(methods('low', 'high'), 'kl', found, baseline='low')
    assert len(filled.comparisons) == 1


def test_a_column_may_be_relative_to_an_arm_seed_by_seed():
    found = records('knn', low=[0.5, 0.25], high=[0.75, 0.5], hint=[0.25])
    rows = [(arm, Cell(arm, None, 'knn', 0, 1.1)) for arm in ('low', 'high', 'hint')]
    filled = fill(rows, ['k-NN'], found, relative_to='low')
    low, high, hint = (row[0] for row in filled.rows)
    assert low.result.values == {0: 1, 1: 1} and low.metric.digits == 2
    assert high.result.values == {0: 1.5, 1: 2} and high.result.mean == 1.75
    assert high.difference == pytest.approx(0.65)
    assert hint.result.values == {0: 0.5}
    assert (
        fill(rows, ['k-NN'], records('knn', high=[0.5]), relative_to='low').rows[1][0].result
        is None
    )
