"""Markdown tables, against rows written by hand."""

import numpy as np

from mmmask.benchmark.suite import Metric, Protocol
from mmmask.reports.table import markdown_tables

KNN = Protocol(
    name='knn',
    run='test',
    config='c.py',
    title='k-NN',
    metrics=(Metric('top1', 'accuracy, %', scale=100, digits=1),),
    baseline='untrained',
)
PRETRAIN = Protocol(name='pretrain', run='train', config='p.py', title='MAE')


def record(arm, seed, value, group='knn'):
    return dict(group=group, metric='top1', arm=arm, seed=seed, value=value)


def test_a_row_for_each_arm_with_every_seed_and_the_gain_over_the_baseline():
    records = [
        record('untrained', 0, 0.30),
        record('untrained', 1, 0.34),
        record('MAE', 0, 0.41),
        record('MAE', 1, 0.43),
        record('DINO', 1, 0.50),
    ]
    values, verdicts = markdown_tables(records, dict(pretrain=PRETRAIN, knn=KNN), {}).split('\n\n')
    assert values.split('\n') == [
        '| k-NN: accuracy, % | seed 0 | seed 1 | mean |',
        '| --- | --- | --- | --- |',
        '| untrained | 30.0 | 34.0 | 32.0 ± 2.8 |',
        '| MAE | 41.0 | 43.0 | 42.0 ± 1.4 |',
        '| DINO |  | 50.0 | 50.0 |',
    ]
    # Two gains, 11 and 9: resampled means are 9, 10, 11, so BCa gives (9, 11), stretched to
    # 12.706 / 1.960 x 2 times its width. Two tests: p = 0.5 becomes 1.
    left_out = 'seeds (without seed 0, which one arm lacks)'
    assert verdicts.split('\n') == [
        '|  | seed by seed | over other | difference | 95 % interval | p (Holm) | verdict |',
        '| --- | --- | --- | --- | --- | --- | --- |',
        '| MAE − untrained | +11.0, +9.0 | seeds | +10.0 | -3.0 to +23.0 | 1.000 | '
        '2 seeds cannot show it among 2 comparisons, 7 could |',
        f'| DINO − untrained | +16.0 | {left_out} | +16.0 | – | 1.000 | '
        '1 seed cannot show it among 2 comparisons, 7 could |',
    ]


def test_the_spread_over_images_stands_behind_that_over_seeds():
    # Of 100 images 20 are right: 40 / sqrt(99) = 4.02.
    one = dict(record('untrained', 0, 0.2), outcomes=np.repeat([1.0, 0.0], [20, 80]))
    text = markdown_tables([one], dict(knn=KNN), dict(untrained='no pre-training'))
    assert text.split('\n')[2] == '| no pre-training | 20.0 | 20.0 (images ± 4.0) |'
    text = markdown_tables([dict(one, unit='sequence')], dict(knn=KNN), {})
    assert text.split('\n')[2] == '| untrained | 20.0 | 20.0 (sequences ± 4.0) |'


def test_tables_of_two_protocols_are_apart_and_one_arm_is_compared_with_nothing():
    other = Protocol('b', 'train', 'c.py', 'B', metrics=KNN.metrics)  # no arms
    text = markdown_tables(
        [record('untrained', 0, 0.1), record('', 0, 0.2, group='b')], dict(knn=KNN, b=other), {}
    )
    first, second = text.split('\n\n')
    assert first.split('\n')[0] == '| k-NN: accuracy, % | seed 0 | mean |'
    assert second.split('\n')[2] == '| b | 20.0 | 20.0 |'


def test_no_results_no_table():
    assert markdown_tables([], dict(knn=KNN), {}) == ''


def test_protocols_without_arms_share_a_table():
    before, after = Metric('before', 'before'), Metric('after', 'after')
    a, b, c = (
        Protocol(name, 'train', 'c.py', name.upper(), metrics=(before, after)) for name in 'abc'
    )

    def of(group, metric, seed, value):
        return dict(group=group, metric=metric, arm='', seed=seed, value=value)

    records = [
        of('a', 'before', 1, 30.0),
        of('a', 'before', 0, 34.0),
        of('a', 'after', 0, 50.0),
        of('b', 'after', 0, 60.0),
    ]
    assert markdown_tables(records, dict(a=a, b=b, c=c), {}).split('\n') == [
        '|  | before | after |',
        '| --- | --- | --- |',
        '| A | 34.0, 30.0 (32.0 ± 2.8) | 50.0 |',
        '| B |  | 60.0 |',
    ]
