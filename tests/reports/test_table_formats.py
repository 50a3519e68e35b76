"""A small table in four formats, against text written by hand."""

import csv
import re
from dataclasses import replace

import numpy as np
import pytest

from mmmask.benchmark.paper_table import Cell, Column, Row, Table
from mmmask.benchmark.results import ArmResult, compare
from mmmask.benchmark.suite import Metric, Protocol
from mmmask.reports.filled_table import FilledCell, FilledTable
from mmmask.reports.table_formats import (
    latex_text,
    notes_of,
    spans_of,
    to_csv,
    to_html,
    to_latex,
    to_markdown,
    write_tables,
)

METRIC = Metric('top1', 'accuracy, %')
PROTOCOL = Protocol('knn', 'test', 'c.py', 'k-NN', metrics=(METRIC,))


def cell(result, published=None, difference=None, best=False, minus=None):
    place = Cell('a', minus, 'knn', 0, published)
    return FilledCell(place, METRIC, result, difference, best)


@pytest.fixture
def filled():
    """Two methods with three numbers, their gain, and one from another paper."""
    block = ArmResult('block', {0: 40.0, 1: 42.0})  # deviation sqrt(2)
    high = ArmResult(
        'High & low', {0: 44.0, 1: 44.0}, {s: np.repeat([50.0, 38], 2) for s in (0, 1)}
    )
    table = Table(
        name='table1',
        title='Table 1: 20% of ImageNet_1k',
        heading=('masking', ''),
        columns=(Column('k-NN', 'IN & co'), Column('ν=1', 'IN & co'), Column('mIoU')),
        rows=(
            Row(('Block†', '10-50'), ()),
            Row(('High|low', ''), ()),
            Row(('Gain', ''), ()),
            Row(('MoBY_2', ''), (), 'other', 'MST, Table 1'),
        ),
        note='†: the default',
        baseline='block',
    )
    rows = (
        (cell(block, 41.5, -0.5), cell(None), FilledCell(Cell())),
        (cell(high, 43, 1.0, best=True), cell(None, 7.25), FilledCell(Cell())),
        (cell(ArmResult('g', {0: 4.0, 1: 2.0}), 1.5, 1.5, minus='b'), *[FilledCell(Cell())] * 2),
        (*[FilledCell(Cell())] * 2, FilledCell(Cell(published=72.8))),
    )
    comparisons = compare([(PROTOCOL, METRIC, block, high)])
    sources = ('', '', '', 'MST, Table 1')
    return FilledTable(table, rows, comparisons, 'column', sources, is_demo=False)


NOTES = [
    'Mean ± standard deviation over 2 seeds; (images ±): standard error over test images.',
    'In italics: published, (measured − published).',
    'Bold: clearly better than every other number of its column (paired by seed, p ≤ 0.05 by '
    'Holm).',
    '†: the default.',
    'MoBY_2: MST, Table 1.',
]


def test_notes_say_how_to_read_a_table(filled):
    assert notes_of(filled) == NOTES
    cells = tuple(
        tuple(replace(one, difference=None, best=False) for one in r) for r in filled.rows
    )
    demo = notes_of(replace(filled, rows=cells, is_demo=True))
    assert demo[1:4] == [
        'In italics: published.',
        NOTES[2].replace('Bold:', 'No number is'),
        'This is a demo, of small networks on embedded data: its numbers cannot be compared with '
        'published ones.',
    ]
    one_seed = ((cell(ArmResult('a', {3: 1.0})),),)
    assert notes_of(replace(filled, rows=one_seed, along=''))[0] == 'Mean over 1 seed.'
    both = ((cell(ArmResult('a', {3: 1.0})), cell(ArmResult('a', {3: 1.0, 4: 2.0}))),)
    assert notes_of(replace(filled, rows=both, along=''))[0] == (
        'Mean ± standard deviation over 1 to 2 seeds.'
    )


def test_markdown(filled):
    text = to_markdown(filled)
    head, table, notes, verdicts = text.split('\n\n')
    assert head == r'### Table 1: 20% of ImageNet\_1k'
    # Four images: standard error sqrt(144 / 3 / 4) = 3.46.
    assert table.split('\n') == [
        '| masking |  | IN & co: k-NN | IN & co: ν=1 | mIoU |',
        '| --- | --- | --- | --- | --- |',
        '| Block† | 10-50 | 41.0 ± 1.4<br>*41.5* (-0.5) | – |  |',
        r'| High\|low |  | **44.0** ± 0.0 (images ± 3.5)<br>*43.0* (+1.0) | *7.25* |  |',
        '| Gain |  | +3.0 ± 1.4<br>*+1.5* (+1.5) |  |  |',
        '| *other* |  |  |  |  |',
        r'| MoBY\_2 |  |  |  | *72.8* |',
    ]
    assert notes.split('\n') == [*NOTES[:4], r'MoBY\_2: MST, Table 1.']
    assert verdicts.split('\n')[2].startswith('| High & low − block | +4.0, +2.0 | seeds | +3.0 |')


def test_latex(filled):
    lines = to_latex(filled).split('\n')
    assert lines == [
        r'% needs \usepackage{booktabs,amssymb}',
        r'\begin{table}',
        r'\centering',
        r'\caption{20\% of ImageNet\_1k}',
        r'\label{tab:table1}',
        r'\begin{tabular}{llccc}',
        r'\toprule',
        r' &  & \multicolumn{2}{c}{IN \& co} &  \\',
        r'\cmidrule(lr){3-4}',
        r'masking &  & k-NN & $\nu$=1 & mIoU \\',
        r'\midrule',
        r'Block\dag{} & 10-50 & 41.0 {\scriptsize $\pm$ 1.4} & -- &  \\',
        r' &  & {\scriptsize\itshape 41.5} {\scriptsize ($-$0.5)} &  &  \\[2pt]',
        r'High\textbar{}low &  & \textbf{44.0} {\scriptsize $\pm$ 0.0 (images $\pm$ 3.5)} & '
        r'{\scriptsize\itshape 7.25} &  \\',
        r' &  & {\scriptsize\itshape 43.0} {\scriptsize (+1.0)} &  &  \\[2pt]',
        r'Gain &  & +3.0 {\scriptsize $\pm$ 1.4} &  &  \\',
        r' &  & {\scriptsize\itshape +1.5} {\scriptsize (+1.5)} &  &  \\[2pt]',
        r'\midrule',
        r'\multicolumn{5}{l}{\emph{other}} \\',
        r'MoBY\_2 &  &  &  & {\scriptsize\itshape 72.8} \\',
        r'\bottomrule',
        r'\end{tabular}',
        r'\par\smallskip\footnotesize',
        r'Mean $\pm$ standard deviation over 2 seeds; (images $\pm$): standard error over test '
        r'images.',
        r'In italics: published, (measured $-$ published).',
        r'Bold: clearly better than every other number of its column (paired by seed, '
        r'p $\leq$ 0.05 by Holm).',
        r'\dag{}: the default.',
        r'MoBY\_2: MST, Table 1.',
        r'\end{table}',
    ]


def test_latex_takes_letters_and_marks_as_they_are():
    assert latex_text('λ₂ of 50% & {x}_1 <|>~^\\#$') == (
        r'$\lambda$$_2$ of 50\% \& \{x\}\_1 $<$\textbar{}$>$\textasciitilde{}\textasciicircum{}'
        r'\textbackslash{}\#\$'
    )
    assert latex_text('é ‡ × 2 → 3 – α') == r'é \ddag{} $\times$ 2 $\to$ 3 -- $\alpha$'
    assert latex_text('∈ ✓ ↓ α₀ˢ') == r'$\in$ \checkmark{} $\downarrow$ $\alpha$$_0$$^s$'


def test_csv_has_unrounded_numbers(filled):
    found = csv.DictReader(to_csv(filled).splitlines())
    block, high, gain, moby = found
    assert list(block) == [
        *('masking', 'label 2', 'group'),
        *(
            f'{name} {kind}'
            for name in ('IN & co: k-NN', 'IN & co: ν=1', 'mIoU')
            for kind in ('measured', 'sd', 'n', 'se over test set', 'published')
        ),
        'source',
    ]
    assert block['masking'] == 'Block†' and block['IN & co: k-NN measured'] == '41.0'
    assert float(block['IN & co: k-NN sd']) == pytest.approx(2**0.5)
    assert block['IN & co: k-NN se over test set'] == '' and block['IN & co: k-NN n'] == '2'
    assert float(high['IN & co: k-NN se over test set']) == pytest.approx(12**0.5)
    assert high['IN & co: ν=1 published'] == '7.25' and high['IN & co: ν=1 measured'] == ''
    assert gain['IN & co: k-NN measured'] == '3.0'
    assert (moby['mIoU published'], moby['group'], moby['source']) == (
        *('72.8', 'other'),
        'MST, Table 1',
    )


def test_html_is_a_table_with_groups_and_marks(filled):
    page = to_html(filled)
    assert '<caption>Table 1: 20% of ImageNet_1k</caption>' in page
    assert '<th scope="colgroup" colspan="2">IN &amp; co</th>' in page
    assert '<td class="best" data-value="44.0"><span class="best">44.0</span>' in page
    assert '<span class="published">41.5</span><span class="difference"> (−0.5)</span></td>' in page
    assert '<th scope="rowgroup" colspan="5">other</th>' in page
    assert page.count('<tbody>') == 2 and page.count('<table') == 2
    assert '<table class="paper" id="table1">' in page  # not sortable: it has groups
    assert not re.search(r'https?://|<link', page)
    rows = re.findall(r'<tr>(.*?)</tr>', page, flags=re.S)
    texts = [re.sub(r'\s+', ' ', re.sub(r'<[^>]+>', ' ', row)).strip() for row in rows]
    assert texts[0] == 'masking k-NN ν=1 mIoU'
    assert texts[1] == 'Block† 10-50 41.0 ± 1.4 41.5 (−0.5) –'
    assert texts[-1].startswith('High &amp; low − block seeds +3.0')


def test_neighbours_of_one_group():
    assert spans_of(['', 'a', 'a', 'b', 'a']) == [('', 1), ('a', 2), ('b', 1), ('a', 1)]


def test_files_of_every_format(filled, tmp_path):
    write_tables([filled], tmp_path)
    files = sorted(path.name for path in (tmp_path / 'tables').iterdir())
    assert files == ['table1.csv', 'table1.html', 'table1.md', 'table1.tex']
    assert (tmp_path / 'tables' / 'table1.md').read_text() == to_markdown(filled) + '\n'
