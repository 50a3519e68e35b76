"""Reads the tables of a suite: rows and columns as papers print them, and what cells measure.

A table is ``dict(name, title, rows, columns, ...)``. A cell is its row and its column together:

- The arm is ``row['arm']``, a name for all columns or a list with one for each, or
  ``column['arm']``. Without one, nothing is measured there.
- The metric is ``column['metric']``, ``row['metric']`` (a name or a list) or ``table['metric']``:
  ``'protocol'`` for its first metric, or ``'protocol:metric name'``.
- ``row['published']`` is a list along the columns; None where the paper prints nothing.

So there are three layouts. Rows of arms and columns of metrics compare methods. Rows of metrics and
columns of arms are the same, transposed. Rows with lists of arms are a pivot over two values of the
config; the metric is the table's.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mmmask.utils.errors import UserError

from .schema import check_keys, check_known


@dataclass(frozen=True)
class Cell:
    """A number of a table.

    Attributes:
        arm: Whose number it is; None: nothing is measured.
        minus: The arm whose number is subtracted, in rows of gains.
        protocol: How it is measured; None: nothing is measured.
        metric: Position of the metric among the protocol's.
        published: The paper's number.
    """

    arm: str | None = None
    minus: str | None = None
    protocol: str | None = None
    metric: int = 0
    published: float | None = None

    @property
    def measured(self) -> bool:
        """Return whether a run can fill the cell."""
        return self.arm is not None and self.protocol is not None


@dataclass(frozen=True)
class Column:
    """A column; neighbours of one group stand below its name.

    Measured numbers are divided by that of the arm ``relative_to`` in this column, if it is given.
    """

    label: str
    group: str = ''
    relative_to: str = ''


@dataclass(frozen=True)
class Row:
    """A row. Neighbours of one group stand below its name; ``source`` says who published it."""

    label: tuple[str, ...]
    cells: tuple[Cell, ...]
    group: str = ''
    source: str = ''


@dataclass(frozen=True)
class Table:
    """A table as a paper prints it.

    Attributes:
        name: Name of its files.
        title: Its caption.
        heading: Headings of the rows' labels.
        columns: Its columns.
        rows: Its rows; each has a cell for every column.
        note: A line below it.
        baseline: The arm that the others are compared with; empty: none.
    """

    name: str
    title: str
    heading: tuple[str, ...]
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    note: str = ''
    baseline: str = ''

    def reference(self, place: int) -> Cell | None:
        """Return the cell that a column's numbers are divided by; None if they aren't."""
        cells = [row.cells[place] for row in self.rows]
        name = self.columns[place].relative_to
        return next((cell for cell in cells if name and cell.measured and cell.arm == name), None)

    @property
    def cells(self) -> list[Cell]:
        """Return the cells that a run can fill."""
        return [cell for row in self.rows for cell in row.cells if cell.measured]


_TABLE = ('name', 'title', 'rows', 'columns', 'heading', 'note', 'baseline', 'metric')
_COLUMN = ('label', 'group', 'metric', 'arm', 'relative_to')
_ROW = ('label', 'group', 'metric', 'arm', 'minus', 'published', 'source')


def read_tables(
    items: Sequence[dict], protocols: Mapping[str, dict], arms: Iterable[str]
) -> tuple[Table, ...]:
    """Read and check the tables of a suite.

    Args:
        items: The tables as dicts.
        protocols: Name -> protocol as a dict, whose ``metrics`` cells refer to.
        arms: The names that cells may have.

    Raises:
        UserError: If a key, an arm, a protocol or a metric is unknown, or a list has another length
            than the columns.
    """
    tables = []
    for number, item in enumerate(items, start=1):
        where = f'table {item["name"]!r}' if 'name' in item else f'table {number}'
        check_keys(item, _TABLE, ('name', 'title', 'rows', 'columns'), where)
        columns = item['columns']
        for place, column in enumerate(columns, start=1):
            check_keys(column, _COLUMN, ('label',), f'{where}, column {place}')
        heading = _texts(item.get('heading', ('',)))
        rows = []
        for place, row in enumerate(item['rows'], start=1):
            here = f'{where}, row {row["label"]!r}' if 'label' in row else f'{where}, row {place}'
            check_keys(row, _ROW, ('label',), here)
            if len(label := _texts(row['label'])) != len(heading):
                raise UserError(f"{here}: {len(label)} labels, the 'heading' has {len(heading)}")
            cells = _cells(row, item, here, protocols, arms)
            group, source = row.get('group', ''), row.get('source', '')
            if not source and not any(cell.measured for cell in cells):
                raise UserError(f"{here}: nothing is measured, so 'source' must say who published")
            rows.append(Row(label, cells, group, source))
        table = Table(
            name=item['name'],
            title=item['title'],
            heading=heading,
            columns=tuple(_column(column) for column in columns),
            rows=tuple(rows),
            note=item.get('note', ''),
            baseline=item.get('baseline', ''),
        )
        for place, column in enumerate(table.columns):
            shown = {row.cells[place].arm for row in table.rows if row.cells[place].measured}
            message = f"{where}, column {column.label!r}: no cell has 'relative_to's arm {{}}"
            check_known(column.relative_to, {'', *shown}, message)
        if table.baseline:
            shown = {cell.arm for cell in table.cells}
            check_known(table.baseline, shown, where + ": no cell has the baseline's arm {}")
        tables.append(table)
    names = [table.name for table in tables]
    if wrong := [name for name in names if not re.fullmatch(r'[A-Za-z0-9][\w.-]*', str(name))]:
        raise UserError(f'table {wrong[0]!r}: not a name for files')
    if twice := [name for name in names if names.count(name) > 1]:
        raise UserError(f'two tables are named {twice[0]!r}')
    return tuple(tables)


def _column(item: dict) -> Column:
    return Column(str(item['label']), item.get('group', ''), item.get('relative_to', ''))


def _texts(value: Any) -> tuple[str, ...]:
    return tuple(map(str, value)) if isinstance(value, (list, tuple)) else (str(value),)


def _cells(
    row: dict, table: dict, where: str, protocols: Mapping[str, dict], arms: Iterable[str]
) -> tuple[Cell, ...]:
    columns = table['columns']

    def along(key: str) -> list:
        value = row.get(key)
        values = list(value) if isinstance(value, (list, tuple)) else [value] * len(columns)
        if len(values) != len(columns):
            raise UserError(f'{where}: {len(values)} of {key!r}, {len(columns)} columns')
        return values

    if 'published' in row and not isinstance(row['published'], (list, tuple)):
        raise UserError(f"{where}: 'published' must be a list along the columns")
    cells = []
    several = zip(columns, *map(along, ('arm', 'minus', 'metric', 'published')))
    for column, arm, minus, metric, published in several:
        arm, metric = arm or column.get('arm'), metric or column.get('metric')
        metric = metric or table.get('metric')
        for name in filter(None, (arm, minus)):
            check_known(name, arms, where + ': no such arm: {}')
        protocol, place = _metric(metric, where, protocols) if metric else (None, 0)
        cells.append(Cell(arm, minus, protocol, place, published))
    return tuple(cells)


def _metric(name: str, where: str, protocols: Mapping[str, dict]) -> tuple[str, int]:
    """Return the protocol and the position of the metric that a cell names."""
    protocol, _, metric = name.partition(':')
    check_known(protocol, protocols, where + ': no such protocol: {}')
    metrics = list(protocols[protocol].get('metrics', ()))
    if not metrics:
        raise UserError(f'{where}: protocol {protocol!r} has no metrics')
    if metric:
        check_known(metric, metrics, where + f': protocol {protocol!r} has no metric {{}}')
    return protocol, metrics.index(metric) if metric else 0
