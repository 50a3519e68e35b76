"""Writes filled tables as Markdown, LaTeX, CSV and HTML."""

from __future__ import annotations

import csv
import io
import re
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from mmmask.utils.files import write_text_atomically
from mmmask.utils.text import plural

from .filled_table import FilledCell, FilledTable
from .page import render_page
from .table import escaped, markdown, markdown_verdicts, number, signed, spread


@dataclass(frozen=True)
class Span:
    """A piece of a cell's text.

    Attributes:
        text: The text, with ASCII's minus.
        style: ``'best'``, ``'mean'``, ``'spread'``, ``'published'`` or ``'difference'``.
    """

    text: str
    style: str


def lines_of(filled: FilledCell) -> list[list[Span]]:
    """Return a cell's text: a line of what is measured, then one of what was published."""
    metric, result, published = filled.metric, filled.result, filled.cell.published
    write = signed if filled.cell.minus else number
    lines = []
    if result:
        mean = Span(write(result.mean, metric), 'best' if filled.best else 'mean')
        around = spread(result, metric)
        lines.append([mean, Span(around, 'spread')] if around else [mean])
    if published is not None:
        decimals = len(repr(published).partition('.')[2])
        digits = max(decimals, metric.digits if metric else 0)
        form = f'{"+" if filled.cell.minus else ""}.{digits}f'
        line = [Span(f'{published:{form}}', 'published')]
        if filled.difference is not None:
            line.append(Span(f' ({signed(filled.difference, metric)})', 'difference'))
        lines.append(line)
    if not lines and filled.cell.measured:
        lines.append([Span('–', 'mean')])
    return lines


def notes_of(filled: FilledTable) -> list[str]:
    """Return the sentences below a table: how to read it, the table's note, sources."""
    cells = [cell for row in filled.rows for cell in row]
    results = [cell.result for cell in cells if cell.result]
    notes = []
    if results:
        counts = sorted({len(result.values) for result in results})
        seeds = f'{counts[0]} to {counts[-1]}' if counts[1:] else f'{counts[0]}'
        deviation = ' ± standard deviation' if counts[-1] > 1 else ''
        units = dict.fromkeys(plural(one.unit) for one in results if one.image_std is not None)
        spreads = ', '.join(f'({unit} ±)' for unit in units)
        notes.append(
            f'Mean{deviation} over {seeds} seed{"s" if counts[-1] > 1 else ""}'
            + (f'; {spreads}: standard error over test {" or ".join(units)}.' if units else '.')
        )
    if any(cell.cell.published is not None for cell in cells):
        behind = any(cell.difference is not None for cell in cells)
        notes.append(f'In italics: published{", (measured − published)" if behind else ""}.')
    if filled.along:
        best = f'clearly better than every other number of its {filled.along}'
        found = any(cell.best for cell in cells)
        how = ' (paired by seed, p ≤ 0.05 by Holm)'
        notes.append(f'Bold: {best}{how}.' if found else f'No number is {best}{how}.')
    if filled.is_demo and results:
        notes.append(
            'This is a demo, of small networks on embedded data: its numbers cannot be compared '
            'with published ones.'
        )
    if filled.table.note:
        notes.append(filled.table.note.rstrip('.') + '.')
    by_source: dict[str, list[str]] = {}
    for row, source in zip(filled.table.rows, filled.sources):
        if source:
            by_source.setdefault(source, []).append(' '.join(filter(None, row.label)))
    notes += [f'{", ".join(labels)}: {source}.' for source, labels in by_source.items()]
    return notes


def spans_of(names: Iterable[str]) -> list[tuple[str, int]]:
    """Return neighbours of one name as the name and their number."""
    return [(name, len(list(found))) for name, found in groupby(names)]


def to_markdown(filled: FilledTable) -> str:
    """Write a table for GitHub, and the verdicts below it."""
    table = filled.table
    names = [': '.join(filter(None, (c.group, c.label))) for c in table.columns]
    rows = [[escaped(text) for text in (*table.heading, *names)]]
    marks = dict(best='**', published='*')
    group = ''
    for row, cells in zip(table.rows, filled.rows):
        if row.group != group:
            group = row.group
            rows.append([f'*{escaped(group)}*' if group else ''] + [''] * (len(rows[0]) - 1))
        texts = []
        for cell in cells:
            lines = [
                ''.join(f'{marks.get(s.style, "")}{s.text}{marks.get(s.style, "")}' for s in line)
                for line in lines_of(cell)
            ]
            texts.append('<br>'.join(lines))
        rows.append([*map(escaped, row.label), *texts])
    parts = [
        f'### {escaped(table.title)}',
        markdown(rows),
        '\n'.join(map(escaped, notes_of(filled))),
    ]
    parts += [markdown_verdicts(filled.comparisons)] if filled.comparisons else []
    return '\n\n'.join(filter(None, parts))


def to_latex(filled: FilledTable) -> str:
    """Write a table for a paper; it needs the packages booktabs and amssymb.

    A row is a line of measured numbers and, in small type, a line of published ones.
    """
    table, columns = filled.table, filled.table.columns
    left = len(table.heading)
    heads = []
    if any(column.group for column in columns):
        cells, rules, first = [''] * left, [], left + 1
        for group, count in spans_of(column.group for column in columns):
            cells.append(rf'\multicolumn{{{count}}}{{c}}{{{latex_text(group)}}}' if group else '')
            cells += [] if group else [''] * (count - 1)
            if group:
                rules.append(rf'\cmidrule(lr){{{first}-{first + count - 1}}}')
            first += count
        heads += [_latex_row(cells), ''.join(rules)]
    heads.append(_latex_row(map(latex_text, (*table.heading, *(c.label for c in columns)))))
    body, group = [], ''
    for place, (row, cells) in enumerate(zip(table.rows, filled.rows)):
        if row.group != group:
            group = row.group
            body += [r'\midrule'] if place else []
            name = rf'{{l}}{{\emph{{{latex_text(group)}}}}}'
            wide = _latex_row([rf'\multicolumn{{{left + len(columns)}}}{name}'])
            body += [wide] if group else []
        texts = [[''.join(map(_latex_span, line)) for line in lines_of(cell)] for cell in cells]
        for depth in range(depths := max(1, *map(len, texts))):
            labels = map(latex_text, row.label) if depth == 0 else [''] * left
            line = _latex_row([*labels, *(t[depth] if depth < len(t) else '' for t in texts)])
            body.append(line + '[2pt]' * (depth > 0 and depth == depths - 1))
    notes = [latex_text(note) for note in notes_of(filled)]
    return '\n'.join(
        [
            r'% needs \usepackage{booktabs,amssymb}',
            r'\begin{table}',
            r'\centering',
            rf'\caption{{{latex_text(re.sub("^Table [^ ]+[:.] *", "", table.title))}}}',
            rf'\label{{tab:{table.name}}}',
            rf'\begin{{tabular}}{{{"l" * left}{"c" * len(columns)}}}',
            r'\toprule',
            *heads,
            r'\midrule',
            *body,
            r'\bottomrule',
            r'\end{tabular}',
            *([r'\par\smallskip\footnotesize', *notes] if notes else []),
            r'\end{table}',
        ]
    )


def _latex_row(cells: Iterable[str]) -> str:
    return ' & '.join(cells) + r' \\'


def _latex_span(span: Span) -> str:
    text = latex_text(span.text.replace('-', '−').strip())
    form = dict(best=r'\textbf{%s}', published=r'{\scriptsize\itshape %s}', mean='%s')
    return form.get(span.style, r' {\scriptsize %s}') % text


_LATEX = {character: f'\\{character}' for character in '&%$#_{}'} | {
    '\\': r'\textbackslash{}',
    '~': r'\textasciitilde{}',
    '^': r'\textasciicircum{}',
    '|': r'\textbar{}',
    '<': '$<$',
    '>': '$>$',
    '≤': r'$\leq$',
    '≥': r'$\geq$',
    '±': r'$\pm$',
    '−': '$-$',
    '×': r'$\times$',
    '·': r'$\cdot$',
    '∈': r'$\in$',
    '≈': r'$\approx$',
    '→': r'$\to$',
    '↑': r'$\uparrow$',
    '↓': r'$\downarrow$',
    '✓': r'\checkmark{}',
    '✗': r'$\times$',
    '–': '--',
    '†': r'\dag{}',
    '‡': r'\ddag{}',
    '§': r'\S{}',
}


def latex_text(text: str) -> str:
    """Return text that LaTeX shows as it is."""
    return ''.join(_LATEX.get(character) or _in_mathematics(character) for character in text)


def _in_mathematics(character: str) -> str:
    """Return a small Greek letter or a raised or lowered digit as LaTeX's, others as they are."""
    name = unicodedata.name(character, '')
    if re.fullmatch('GREEK SMALL LETTER [A-Z]+', name):
        return f'$\\{name.split()[-1].lower().replace("lamda", "lambda")}$'
    kind, _, code = unicodedata.decomposition(character).partition(' ')
    if kind in ('<sub>', '<super>'):
        return f'${"_" if kind == "<sub>" else "^"}{chr(int(code, 16))}$'
    return character


def to_csv(filled: FilledTable) -> str:
    """Write a table for a program: each column's numbers, unrounded, and the paper's.

    A column ``c`` is ``c measured``, ``c sd`` (over seeds), ``c n`` (seeds), ``c se over test set``
    and ``c published``. What isn't known is empty.
    """
    table, out = filled.table, io.StringIO()
    kinds = ('measured', 'sd', 'n', 'se over test set', 'published')
    names = [': '.join(filter(None, (c.group, c.label))) for c in table.columns]
    heading = [name or f'label {place}' for place, name in enumerate(table.heading, start=1)]
    writer = csv.writer(out, lineterminator='\n')
    writer.writerow([*heading, 'group', *(f'{n} {k}' for n in names for k in kinds), 'source'])
    for row, cells, source in zip(table.rows, filled.rows, filled.sources):
        values: list = []
        for cell in cells:
            one = cell.result
            values += [one.mean, one.std, len(one.values), one.image_std] if one else [None] * 4
            values.append(cell.cell.published)
        writer.writerow([*row.label, row.group, *values, source])
    return out.getvalue()


def to_html(filled: FilledTable) -> str:
    """Write a page of a table and its verdicts."""
    return render_page('table.html', view=view_of(filled), title=filled.table.title)


def view_of(filled: FilledTable) -> dict:
    """Return what a template shows of a table."""
    table = filled.table
    rows = [
        dict(label=row.label, cells=[(cell, lines_of(cell)) for cell in cells], group=row.group)
        for row, cells in zip(table.rows, filled.rows)
    ]
    return dict(
        table=table,
        groups=spans_of(column.group for column in table.columns),
        bodies=[(name, list(found)) for name, found in groupby(rows, lambda row: row['group'])],
        notes=notes_of(filled),
        comparisons=filled.comparisons,
    )


FORMATS: dict[str, Callable[[FilledTable], str]] = dict(
    md=to_markdown, tex=to_latex, csv=to_csv, html=to_html
)


def write_tables(tables: Sequence[FilledTable], work_dir: Path) -> None:
    """Write ``tables/NAME.md``, ``.tex``, ``.csv`` and ``.html`` of each table."""
    for filled in tables:
        for ending, write in FORMATS.items():
            path = work_dir / 'tables' / f'{filled.table.name}.{ending}'
            path.parent.mkdir(parents=True, exist_ok=True)
            write_text_atomically(path, write(filled).rstrip('\n') + '\n')
