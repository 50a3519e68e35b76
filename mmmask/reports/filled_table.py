"""Fills the tables of a suite: measured numbers beside published ones, gains, and what is best."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from mmmask.benchmark.paper_table import Cell, Row, Table
from mmmask.benchmark.results import ArmResult, Comparison, arms_of, common_seeds, compare, titled
from mmmask.benchmark.statistics import correct_table, is_clear, paired_difference
from mmmask.benchmark.suite import Metric, Protocol, Suite


@dataclass(frozen=True)
class FilledCell:
    """A cell of a table and its numbers.

    Attributes:
        cell: What it measures, and the published number.
        metric: Its metric; None if nothing is measured.
        result: The arm's values over seeds, scaled as the report shows them. In a row of gains, the
            differences seed by seed; in a column relative to an arm, the ratios. None if no run is
            done.
        difference: Measured mean - published number. None if one of them is missing, and in a demo.
        best: Whether it is clearly better than each number that it competes with.
    """

    cell: Cell
    metric: Metric | None = None
    result: ArmResult | None = None
    difference: float | None = None
    best: bool = False

    @property
    def shown(self) -> float | None:
        """Return the number by which a page sorts: the measured one, else the published one."""
        return self.result.mean if self.result else self.cell.published


@dataclass(frozen=True)
class FilledTable:
    """A table with its numbers.

    Attributes:
        table: The table as the suite states it.
        rows: A cell for each column.
        comparisons: Each arm beside the table's baseline, and both arms of each gain. Their p
            values are corrected for their number.
        along: What numbers compete for the best: those of a ``'column'``, of a ``'row and group'``
            of columns, or of a ``'row'``; empty if no two numbers can be compared.
        sources: Where the numbers of rows are from that nothing is measured for, a text a row.
        is_demo: Whether networks and data are a demo's, which no published number is for.
    """

    table: Table
    rows: tuple[tuple[FilledCell, ...], ...]
    comparisons: list[Comparison]
    along: str
    sources: tuple[str, ...]
    is_demo: bool


def fill_tables(suite: Suite, records: Sequence[dict]) -> list[FilledTable]:
    """Fill each table of a suite with the results that are there."""
    return [_fill(table, suite, records) for table in suite.tables]


def _fill(table: Table, suite: Suite, records: Sequence[dict]) -> FilledTable:
    results = _Results(suite, records)
    rows = [
        [results.fill(cell, table.reference(x)) for x, cell in enumerate(row.cells)]
        for row in table.rows
    ]
    along, competitions = _competitions(table, rows)
    winners = {place for places in competitions for place in _winners(rows, places)}
    return FilledTable(
        table=table,
        rows=tuple(
            tuple(replace(cell, best=(y, x) in winners) for x, cell in enumerate(row))
            for y, row in enumerate(rows)
        ),
        comparisons=compare(_pairs(table, results)),
        along=along,
        sources=tuple(_source(*pair, suite) for pair in zip(table.rows, rows)),
        is_demo=suite.is_demo,
    )


class _Results:
    """The results of every arm, by what they measure."""

    def __init__(self, suite: Suite, records: Sequence[dict]) -> None:
        self.suite = suite
        self._records = records
        self._found: dict[tuple[str, int], dict[str, ArmResult]] = {}

    def what(self, cell: Cell) -> tuple[Protocol, Metric] | None:
        """Return what a cell measures; None if nothing of it can run."""
        if not cell.measured or cell.protocol not in self.suite.protocols:
            return None
        protocol = self.suite.protocols[cell.protocol]
        return protocol, protocol.metrics[cell.metric]

    def arms(self, cell: Cell) -> Mapping[str, ArmResult]:
        """Return the results of all arms, by the cell's metric, as figures call the arms."""
        key = (cell.protocol, cell.metric)
        if key not in self._found:
            what = self.what(cell)
            arms = arms_of(self._records, *what) if what else []
            arms = [one for one in arms if one.arm in self.suite.arms]
            names = [one.arm for one in arms]
            self._found[key] = dict(zip(names, titled(arms, self.suite.titles)))
        return self._found[key]

    def fill(self, cell: Cell, reference: Cell | None = None) -> FilledCell:
        """Return a cell with its numbers, divided by those of a reference if there is one."""
        what, arms = self.what(cell), self.arms(cell) if cell.measured else {}
        result = arms.get(cell.arm)
        if result and cell.minus:
            result = _gain(result, arms.get(cell.minus))
        if result and reference:
            result = _ratio(result, self.arms(reference).get(reference.arm))
            what = (what[0], replace(what[1], digits=2))
        known = result is not None and cell.published is not None and math.isfinite(result.mean)
        difference = result.mean - cell.published if known and not self.suite.is_demo else None
        return FilledCell(cell, what[1] if what else None, result, difference)


def _source(row: Row, cells: Sequence[FilledCell], suite: Suite) -> str:
    """Return who published a row's numbers; empty for the suite's own paper."""
    if row.source or any(one.result for one in cells):
        return row.source
    arms = {one.cell.arm: suite.arms[one.cell.arm] for one in cells if one.cell.arm}
    return '; '.join(filter(None, (arm.source for arm in arms.values())))


def _gain(arm: ArmResult, minus: ArmResult | None) -> ArmResult | None:
    """Subtract an arm from another, seed by seed and image by image."""
    seeds = common_seeds(arm, minus) if minus else []
    if not seeds:
        return None
    images = {
        seed: arm.outcomes[seed] - minus.outcomes[seed]
        for seed in seeds
        if seed in arm.outcomes
        and seed in minus.outcomes
        and len(arm.outcomes[seed]) == len(minus.outcomes[seed])
    }
    gains = {seed: arm.values[seed] - minus.values[seed] for seed in seeds}
    return ArmResult(f'{arm.arm} − {minus.arm}', gains, images, arm.unit)


def _ratio(arm: ArmResult, other: ArmResult | None) -> ArmResult | None:
    """Divide an arm's values by another's, seed by seed."""
    seeds = common_seeds(arm, other) if other else []
    values = {seed: arm.values[seed] / other.values[seed] for seed in seeds if other.values[seed]}
    return ArmResult(f'{arm.arm} / {other.arm}', values) if values else None


def _pairs(table: Table, results: _Results) -> list[tuple]:
    """Return what is compared in a table, each pair once, column by column."""
    pairs = {}
    for cell in (row.cells[x] for x in range(len(table.columns)) for row in table.rows):
        baseline = cell.minus or table.baseline
        what = results.what(cell)
        if not what or not baseline or baseline == cell.arm:
            continue
        arms = results.arms(cell)
        if baseline in arms and cell.arm in arms:
            key = (cell.protocol, cell.metric, baseline, cell.arm)
            pairs[key] = (*what, arms[baseline], arms[cell.arm])
    return list(pairs.values())


def _competitions(
    table: Table, rows: Sequence[Sequence[FilledCell]]
) -> tuple[str, list[list[tuple[int, int]]]]:
    """Return how numbers compete for the best, and the cells (row, column) that do.

    They compete within a column. If no two numbers of a column measure the same, they compete
    within a row and a group of columns. If there are no two either, they do within a row.
    """
    found: dict[str, dict[tuple, list]] = {'column': {}, 'row and group': {}, 'row': {}}
    grouped = any(column.group for column in table.columns)
    for y, row in enumerate(rows):
        for x, one in enumerate(row):
            if one.result and not one.cell.minus and math.isfinite(one.result.mean):
                what = (one.cell.protocol, one.cell.metric)
                found['column'].setdefault((*what, x), []).append((y, x))
                found['row'].setdefault((*what, y), []).append((y, x))
                if grouped:
                    key = (*what, y, table.columns[x].group)
                    found['row and group'].setdefault(key, []).append((y, x))
    for along, competitions in found.items():
        if several := [places for places in competitions.values() if len(places) > 1]:
            return along, several
    return '', []


def _winners(
    rows: Sequence[Sequence[FilledCell]], places: Sequence[tuple[int, int]]
) -> list[tuple[int, int]]:
    """Return the cells that are clearly better than all others; none if that isn't clear."""
    cells = [rows[y][x] for y, x in places]
    sign = -1 if cells[0].metric.lower_is_better else 1
    best = max(cells, key=lambda one: sign * one.result.mean)
    others = {one.cell.arm: one.result for one in cells if one.cell.arm != best.cell.arm}
    differences = []
    for other in others.values():
        seeds = common_seeds(best.result, other)
        pairs = ([one.values[seed] for seed in seeds] for one in (best.result, other))
        differences.append(paired_difference(*pairs))
    if not others or not all(is_clear(found) for found in correct_table(differences)):
        return []
    return [place for place, one in zip(places, cells) if one.cell.arm == best.cell.arm]
