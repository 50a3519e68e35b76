"""Curves of several arms and sweeps of tables, by the curves that are handed to the drawing."""

import base64
import json
import math
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from mmmask import pictures
from mmmask.analysis.head_selection import HeadRecalls
from mmmask.benchmark.arms import Arm
from mmmask.benchmark.paper_table import Cell, Column, Row, Table
from mmmask.benchmark.suite import Metric, Protocol, Suite, Task
from mmmask.reports import suite_figures
from mmmask.reports.figures import check_figures
from mmmask.reports.filled_table import fill_tables
from mmmask.reports.suite_figures import SuiteContext, make_suite_figure
from mmmask.utils.errors import UserError

PRETRAIN = Protocol('pretrain', 'train', 'p.py', 'pre-training')
KNN = Protocol('knn', 'test', 'c.py', 'k-NN', metrics=(Metric('top1', 'accuracy, %'),))
LOSS = Protocol('loss', 'test', 'c.py', 'loss', metrics=(Metric('l', 'loss'),))
ARMS = {name: Arm(name, name.title(), 'pretrain') for name in ('low', 'high')}
LAMBDA = Table(
    name='t',
    title='T 5',
    heading=('method',),
    columns=tuple(
        Column(label, group) for label, group in (('0.5', 'λ'), ('1', 'λ'), ('a-b', 'r'))
    ),
    rows=(
        Row(('plain',), tuple(Cell(f'low{n}', None, 'knn', 0, 40.0 + n) for n in range(3))),
        Row(('guided',), tuple(Cell(f'high{n}', None, 'knn', 0, None) for n in range(3))),
        Row(('gain',), tuple(Cell(f'high{n}', f'low{n}', 'knn', 0, 1.0) for n in range(3))),
    ),
)


def suite_of(tmp_path, figures=(), demo=False, tables=(LAMBDA,)):
    tasks = tuple(Task(f'{arm}-s{s}', PRETRAIN, s, arm) for arm in ARMS for s in (0, 1))
    swept = [f'{kind}{n}' for kind in ('low', 'high') for n in range(3)]
    return Suite(
        *(Path(tmp_path), 'S', '', (), (), dict(knn=KNN, loss=LOSS, pretrain=PRETRAIN), tasks),
        arms={**ARMS, **{name: Arm(name, name, weights='none') for name in swept}},
        tables=tables,
        figures=tuple(figures),
        is_demo=demo,
    )


@pytest.fixture
def drawn(monkeypatch):
    """Keep the panels that are drawn."""
    found = []
    monkeypatch.setattr(pictures, 'curves', lambda panels: found.extend(panels) or '<svg/>')
    return found


def log(folder, *lines):
    path = folder / 'x' / 'vis_data' / 'scalars.json'
    path.parent.mkdir(parents=True)
    path.write_text('\n'.join(map(json.dumps, lines)))
    (folder / 'result.json').write_text(json.dumps(dict(status='done')))


def log_knn(tmp_path, task, values):
    """Log a value after each epoch of four iterations."""
    log(
        tmp_path / task,
        *(dict(loss=1.0, epoch=1, iter=2, step=2), dict(knn=1.0, step=0)),  # before the training
        *(dict(top1=v, epoch=n, iter=4 * n, step=4 * n) for n, v in enumerate(values, start=1)),
    )


def test_curves_are_means_over_seeds_with_a_band(tmp_path, drawn):
    for task, values in (
        ('low-s0', [10, 20]),
        ('low-s1', [14, 20, 30]),  # the third epoch isn't in both seeds
        ('high-s0', [20, 30]),
    ):
        log_knn(tmp_path, task, values)
    context = SuiteContext(suite_of(tmp_path), tmp_path, [])
    spec = dict(type='curves', arms=['low', 'high'], scalar={'top1': 'k-NN'}, published=None)
    figure = make_suite_figure(context, dict(spec, title='F 4'))
    (panel,) = drawn
    assert (figure.title, panel.title, panel.x_label) == ('F 4', 'k-NN', 'epoch')
    low, high = panel.curves
    assert (low.label, list(low.x), list(low.y)) == ('Low', [1, 2], [12, 20])
    assert list(low.spread) == pytest.approx([math.sqrt(8), 0]) and list(high.spread) == []
    assert figure.caption == 'Mean over 1 to 2 seeds; the band is ± one standard deviation.'
    drawn.clear()
    theirs = dict(published={'high': [(1, 25), (2, 35)], 'MAE': [(1, 5)]}, x='iteration', scale=2)
    figure = make_suite_figure(context, dict(spec, **theirs, until=4))
    low, high, published, other = drawn[0].curves
    assert (list(low.x), list(low.y)) == ([4], [24]) and drawn[0].x_label == 'iteration'
    assert (published.label, published.x, published.y) == ('High', (1, 2), (25, 35))
    assert published.published and other.label == 'MAE'
    assert figure.caption.endswith('Dashed: published.')


def test_a_demo_has_published_curves_apart(tmp_path, drawn):
    log_knn(tmp_path, 'low-s0', [10])
    context = SuiteContext(suite_of(tmp_path, demo=True), tmp_path, [])
    spec = dict(type='curves', arms=['low'], scalar='top1', published={'low': [(100, 46.7)]})
    figure = make_suite_figure(context, spec)
    assert [panel.title for panel in drawn] == ['top1 (demo)', 'top1 (published)']
    assert figure.caption == (
        'Mean over 1 seed. Dashed: published. A demo cannot be compared with published numbers, '
        'so they have a panel of their own.'
    )


def test_masks_are_of_each_arm_s_network_and_the_untrained_one(tmp_path, monkeypatch):
    built = []

    def probe(checkpoint, config, seed=None):
        built.append((Path(checkpoint).name, config.epochs, seed))
        return SimpleNamespace(size=32)

    def draw(subjects, options):
        assert options.ratios == (0.5,)
        return [SimpleNamespace(image=[subject.label for subject in subjects])]

    monkeypatch.setattr(suite_figures, 'Probe', probe)
    monkeypatch.setattr(suite_figures, 'own_mask_sheets', draw)
    monkeypatch.setattr(suite_figures, '_images', lambda config, size, count: [size] * count)
    monkeypatch.setattr(pictures, 'jpeg_uri', lambda image: image)
    context = SuiteContext(suite_of(tmp_path), tmp_path, [])
    spec = dict(type='masks', arms=['low', 'high'], untrained=True, ratios=[0.5])
    for epochs, task in enumerate(('low-s0', 'high-s0'), start=1):
        with pytest.raises(UserError, match=f"arm '{task[:-3]}' has no pre-training that is done"):
            make_suite_figure(context, spec)
        (tmp_path / task).mkdir()
        (tmp_path / task / f'{task}.pth').touch()
        (tmp_path / task / 'p.py').write_text(f'epochs = {epochs}')
        result = dict(status='done', output_checkpoint=f'{task}/{task}.pth')
        (tmp_path / task / 'result.json').write_text(json.dumps(result))
    built.clear()
    figure = make_suite_figure(context, spec)
    assert built == [('low-s0.pth', 1, None), ('none', 1, 0), ('high-s0.pth', 2, None)]
    assert figure.drawings == [['untrained', 'Low', 'High']]
    with pytest.raises(UserError, match='ratios must be numbers between 0 and 1, got \\[75\\]'):
        check_figures(suite_of(tmp_path, [dict(type='masks', arms=['low'], ratios=[75])]))


def test_what_was_not_logged_is_told(tmp_path):
    context = SuiteContext(suite_of(tmp_path), tmp_path, [])
    with pytest.raises(UserError, match='nothing of it was logged'):
        make_suite_figure(context, dict(type='curves', arms=['low']))
    log(tmp_path / 'low-s0', dict(top1=3.0, iter=2, step=2))
    with pytest.raises(UserError, match="logged no epochs; draw it over iterations: x='iteration'"):
        make_suite_figure(context, dict(type='curves', arms=['low'], scalar='top1'))


def records(**values):
    return [
        dict(group='knn', metric='top1', arm=arm, seed=seed, value=value)
        for arm, by_seed in values.items()
        for seed, value in enumerate(by_seed)
    ]


def sweep(tmp_path, found, demo=False, tables=(LAMBDA,), **spec):
    suite = suite_of(tmp_path, demo=demo, tables=tables)
    context = SuiteContext(suite, tmp_path, fill_tables(suite, found))
    return make_suite_figure(context, dict(type='sweep', table='t', **spec))


def test_a_sweep_draws_a_row_as_a_line(tmp_path, drawn):
    found = records(low0=[40, 42], low1=[43], high1=[45, 45])
    figure = sweep(tmp_path, found, group='λ', log=True)
    (panel,) = drawn
    assert (panel.title, panel.x_label, panel.log_x) == ('k-NN, accuracy, %', 'λ', True)
    low, theirs, high = sorted(panel.curves, key=lambda one: (one.label != 'plain', one.published))
    assert (low.label, low.x, low.y) == ('plain', (0.5, 1.0), (41.0, 43.0))
    assert low.spread[0] == pytest.approx(math.sqrt(2)) and math.isnan(low.spread[1])
    assert (high.label, high.x, high.y, high.spread) == ('guided', (1.0,), (45.0,), [0.0])
    assert theirs.published and (theirs.x, theirs.y) == ((0.5, 1.0), (40.0, 41.0))
    assert (figure.title, figure.caption) == (
        *('T 5',),
        'Bars are ± one standard deviation over seeds. Dashed: published.',
    )


def test_labels_that_are_no_numbers_are_drawn_in_their_order(tmp_path, drawn):
    sweep(tmp_path, [], title='all')
    assert [curve.x for curve in drawn[0].curves] == [('0.5', '1', 'a-b')]
    drawn.clear()
    sweep(tmp_path, records(low2=[1.0]), x=[1, 2, 9], demo=True)
    ours, theirs = drawn
    assert ours.curves[0].x == (9,) and theirs.curves[0].x == (1, 2, 9)


def test_a_sweep_along_rows_has_a_panel_for_each_metric(tmp_path, drawn):
    rows = tuple(
        Row((str(value),), (Cell(arm, None, 'knn'), Cell(arm, None, 'loss', 0, 2.0)))
        for value, arm in ((0, 'low0'), (0.2, 'low1'))
    )
    table = replace(LAMBDA, columns=(Column('kNN'), Column('L')), rows=rows, heading=('λ',))
    found = records(low0=[3.0], low1=[4.0])
    sweep(tmp_path, found, tables=(table,), along='rows', x_label='λ')
    first, second = drawn
    assert (first.title, second.title) == ('k-NN, accuracy, %', 'loss, loss')
    assert (first.curves[0].label, first.curves[0].x) == ('kNN', (0.0, 0.2))
    assert first.curves[0].y == (3.0, 4.0) and second.curves[0].published


@pytest.mark.parametrize(
    'spec, message',
    [
        (dict(type='curve', arms=['low']), "'figures': no such figure: 'curve'; did you mean"),
        (dict(type='curves'), "figure 'curves' needs 'arms'"),
        (dict(type='curves', arms=['low'], scalars='a'), "takes no 'scalars'; did you mean"),
        (dict(type='curves', arms=['low'], scalar=['a']), 'scalar must be a name or dict'),
        (dict(type='curves', arms=['low'], x='epochs'), "x must be 'epoch' or 'iteration', got"),
        (dict(type='curves', arms=['low'], published={'a': [1]}), r"'a' must be a list of \(x, y"),
        (
            dict(type='curves', arms=['low'], scalar=dict(a='A', b='B'), published={'a': [(1, 2)]}),
            'published curves belong to a single scalar',
        ),
        (dict(type='sweep', table='tt'), "sweep: no such table: 'tt'; did you mean 't'"),
        (dict(type='sweep', table='t', group='x'), "no columns of table 't' are in group 'x'"),
        (dict(type='sweep', table='t', along='x'), "along must be 'columns' or 'rows', got 'x'"),
        (dict(type='sweep', table='t', x=[1, 2]), '2 values of x, 3 columns'),
        (dict(type='sweep', table='t', log=True), 'log needs positive numbers as x'),
    ],
)
def test_wrong_figures_are_told_before_anything_runs(tmp_path, spec, message):
    with pytest.raises(UserError, match=message):
        check_figures(suite_of(tmp_path, [spec]))


def test_right_figures_pass(tmp_path):
    specs = [dict(type='curves', arms=['low']), dict(type='sweep', table='t', group='λ', log=True)]
    check_figures(suite_of(tmp_path, specs))


def test_heads_says_what_each_number_of_shots_chooses(tmp_path, monkeypatch):
    """Scores of two blocks and two heads: more shots move the choice."""
    asked = []

    class Images(list):
        def __init__(self, annotations, images, size, grid, limit, seed, labelled):
            asked.append((annotations, images, size, grid, seed, labelled))
            super().__init__(range(limit))

    def probe(checkpoint, backbone_only):
        assert (checkpoint, backbone_only) == ('own.pth', True)
        return SimpleNamespace(size=8, grid=(2, 2))

    def select_head(network, images, ratio, covered):
        assert (ratio, covered) == (0.5, 0.3)
        mean = np.array([[0.2, 0.4, 0.1], [0.3, 0.35, 0.9]])
        mean[1, 0] = 0.5 if len(images) > 1 else 0.3
        return HeadRecalls(mean, 0 * mean, 0.5, len(images), 0)

    for name, function in dict(Probe=probe, ObjectPatches=Images, select_head=select_head).items():
        monkeypatch.setattr(suite_figures, name, function)
    suite = suite_of(tmp_path)
    suite = replace(suite, tasks=(), arms=dict(vit=Arm('vit', 'ViT', weights='own.pth')))
    spec = dict(type='heads', arms=['vit'], annotations='a.json', images='i', shots=[1, 10])
    spec |= dict(ratio=0.5, covered=0.3, seed=4)
    figure = make_suite_figure(SuiteContext(suite, tmp_path, ()), spec)
    assert 'ViT, chosen by 1 shot: block 0, head 1; 10 shots: block 1, head 0.' in figure.caption
    assert asked == [(tmp_path / 'a.json', tmp_path / 'i', 8, (2, 2), 4, False)] * 2
    (drawing,) = figure.drawings
    png = base64.b64decode(drawing.removeprefix('data:image/png;base64,'))
    assert png.startswith(b'\x89PNG')


def test_shots_are_numbers(tmp_path):
    spec = dict(type='heads', arms=['low'], annotations='a', images='i', shots=[0])
    with pytest.raises(UserError, match=r'heads: shots must be positive numbers, got \[0\]'):
        check_figures(suite_of(tmp_path, [spec]))
