"""Make the figures of a suite: curves, masks and heads of several arms, and a table over a value.

A suite asks for figures with ``figures=[dict(type='curves', arms=[...], ...), ...]``; the other
keys are the keyword arguments of the function of that name.
"""

from __future__ import annotations

import io
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from mmengine.config import Config
from mmengine.registry import DATASETS

from mmmask import pictures
from mmmask.analysis.head_selection import select_head
from mmmask.analysis.object_patches import ObjectPatches
from mmmask.benchmark.folder import TaskFolder
from mmmask.benchmark.paper_table import Table
from mmmask.benchmark.schema import check_known
from mmmask.benchmark.suite import Suite, Task
from mmmask.config.build import scope_of
from mmmask.pictures import Curve, Panel
from mmmask.pictures.charts import draw_recalls
from mmmask.pictures.figure import Options, Sample, Subject
from mmmask.pictures.masks import own_mask_sheets
from mmmask.probe import Probe
from mmmask.utils.errors import UserError, check_choice
from mmmask.utils.picks import pick_evenly

from .figure_specs import Figure, check_arguments
from .filled_table import FilledTable
from .scalars import read_scalars, series_of

DEMO = 'A demo cannot be compared with published numbers, so they have a panel of their own.'


@dataclass(frozen=True)
class SuiteContext:
    """The suite that asks for a figure, the folder of its results, and its tables, filled."""

    suite: Suite
    work_dir: Path
    tables: Sequence[FilledTable]

    def folder(self, task: Task) -> TaskFolder:
        """Return a task's folder."""
        return TaskFolder(self.work_dir / task.name)


def curves(
    context: SuiteContext,
    *,
    arms: Sequence[str],
    scalar: str | Mapping[str, str] = 'knn/top1_k20',
    x: str = 'epoch',
    title: str = 'In the course of training',
    protocol: str = '',
    scale: float = 1.0,
    until: float = math.inf,
    log: bool = False,
    published: Mapping[str, Sequence[tuple[float, float]]] | None = None,
) -> Figure:
    """Draw logged values of several arms in one panel: means over seeds and their deviation.

    Args:
        context: A suite whose arms are trained.
        arms: Their names.
        scalar: Name in the runs' ``scalars.json``, or name -> title of a panel.
        x: ``'epoch'`` or ``'iteration'``.
        title: Of the figure.
        protocol: An evaluation that trains; empty: each arm's pre-training.
        scale: Factor of the values.
        until: The last x that is drawn.
        log: Whether the values' axis is logarithmic.
        published: Arm, or another name, -> points (x, y) of a paper's curve, already scaled.
    """
    panels, counts = [], set()
    for name, heading in _panels_of(scalar).items():
        found = []
        for arm in arms:
            series = _all_series(context, arm, protocol, name, x == 'epoch')
            places = sorted(set.intersection(*map(set, series))) if series else []
            places = [place for place in places if place <= until]
            if not places:
                continue
            values = scale * np.array([[one[place] for place in places] for one in series])
            deviation = values.std(axis=0, ddof=1) if len(series) > 1 else ()
            label = context.suite.arms[arm].title
            found.append(Curve(places, values.mean(axis=0), label, deviation))
            counts.add(len(series))
        theirs = [
            Curve(*zip(*points), context.suite.titles.get(label, label), published=True)
            for label, points in (published or {}).items()
        ]
        panels += _panels(context.suite, heading, found, theirs, log=log, x_label=x)
    seeds = f'{min(counts)} to {max(counts)}' if len(counts) > 1 else f'{max(counts, default=0)}'
    band = '; the band is ± one standard deviation' if max(counts, default=0) > 1 else ''
    caption = f'Mean over {seeds} seed{"s" if max(counts, default=0) > 1 else ""}{band}.'
    return _figure(context, title, caption if counts else '', panels)


def _all_series(
    context: SuiteContext, arm: str, protocol: str, name: str, by_epoch: bool
) -> list[dict[float, float]]:
    """Return x -> value of each seed of an arm that has logged a scalar."""
    found = []
    for task in _trainings(context.suite, arm, protocol):
        folder = context.folder(task)
        points = series_of(read_scalars(folder.path), name, by_epoch) if folder.result else ((), ())
        if points[0]:
            found.append(dict(zip(*points)))
    return found


def _trainings(suite: Suite, arm: str, protocol: str) -> list[Task]:
    wanted = protocol or suite.arms[arm].protocol
    return [t for t in suite.tasks if t.arm == arm and t.protocol.name == wanted]


def _panels_of(scalar: str | Mapping[str, str]) -> Mapping[str, str]:
    return {scalar: scalar} if isinstance(scalar, str) else scalar


def sweep(
    context: SuiteContext,
    *,
    table: str,
    x: Sequence[float] | None = None,
    along: str = 'columns',
    group: str = '',
    title: str = '',
    x_label: str = '',
    log: bool = False,
) -> Figure:
    """Draw the numbers of a table over a value of the config, a line for each row.

    A panel has what shares a metric. Rows of gains are left out.

    Args:
        context: A suite with tables.
        table: The table's name.
        x: The value of each column; None: the columns' labels.
        along: ``'columns'``, or ``'rows'``: a line for each column, over the values of rows.
        group: Only columns (rows) of this group.
        title: Of the figure; empty: the table's.
        x_label: Below the axes; empty: the group.
        log: Whether the axis of x is logarithmic.
    """
    filled = next(one for one in context.tables if one.table.name == table)
    chosen, labels = _places(filled.table, along, group)
    places = x or _numbers(labels)
    grid = filled.rows if along == 'columns' else list(zip(*filled.rows))
    names = [' '.join(filter(None, row.label)) for row in filled.table.rows]
    if along == 'rows':
        names = [column.label for column in filled.table.columns]
    by_metric: dict[tuple, tuple[list[Curve], list[Curve]]] = {}
    for name, cells in zip(names, grid):
        parts: dict[tuple, list[tuple]] = {}
        for value, cell in zip(places, (cells[place] for place in chosen)):
            if not cell.cell.minus and cell.cell.protocol:
                parts.setdefault((cell.cell.protocol, cell.cell.metric), []).append((value, cell))
        for what, points in parts.items():
            ours, theirs = by_metric.setdefault(what, ([], []))
            ours += _line(name, [(v, c.result.mean, c.result.std) for v, c in points if c.result])
            printed = [(v, c.cell.published, None) for v, c in points]
            theirs += _line(name, [one for one in printed if one[1] is not None], published=True)
    panels = []
    for what, (ours, theirs) in by_metric.items():
        style = dict(marked=True, x_label=x_label or group or 'value', log_x=log)
        panels += _panels(context.suite, _metric_title(context.suite, *what), ours, theirs, **style)
    many = any(cell.result and cell.result.std for row in filled.rows for cell in row)
    caption = 'Bars are ± one standard deviation over seeds.' if many else ''
    return _figure(context, title or filled.table.title, caption, panels)


def heads(
    context: SuiteContext,
    *,
    arms: Sequence[str],
    annotations: str,
    images: str,
    shots: Sequence[int] = (1, 10, 50),
    ratio: float = 0.75,
    covered: float = 0.5,
    labelled: bool = False,
    seed: int = 0,
) -> Figure:
    """Draw how well every block and head of arms finds annotated objects (GPA, Fig. 4).

    It is what ``mmmask select-head`` measures, of the first seed of each arm. The caption says
    which head each number of shots chooses.

    Args:
        context: A suite whose arms are vision transformers.
        arms: Their names.
        annotations: A file in COCO's format, with masks.
        images: Folder of the images.
        shots: Numbers of images, drawn at random; the last one is drawn.
        ratio: Share of the patches with the highest scores that are taken.
        covered: A patch is an object's if objects cover more than this share of it.
        labelled: Count objects of the image's label only, which is its folder's name.
        seed: Of the drawn images.
    """
    drawings, captions = [], []
    for arm in arms:
        title, root = context.suite.arms[arm].title, context.suite.root
        probe = Probe(_checkpoint(context, arm), backbone_only=True)
        chosen = {}
        for count in shots:
            places = (root / annotations, root / images, probe.size, probe.grid)
            patches = ObjectPatches(*places, count, seed, labelled)
            result = select_head(probe, patches, ratio, covered)
            chosen[count] = 'block {}, head {}'.format(*result.winner)
        picture = io.BytesIO()
        label = f"{title}: recall of objects' patches, top {ratio:.0%}, {len(patches)} images"
        draw_recalls(picture, result.mean, result.expected, result.winner, label)
        drawings.append(pictures.png_uri(picture.getvalue()))
        said = '; '.join(
            f'{count} shot{"s" if count > 1 else ""}: {head}' for count, head in chosen.items()
        )
        captions.append(f'{title}, chosen by {said}.')
    caption = f'Blocks and heads are counted from 0. {" ".join(captions)}'
    return Figure('Recall of objects by block and head', caption, drawings)


def _checkpoint(context: SuiteContext, arm: str) -> str:
    """Return the checkpoint of an arm's first seed, or the file that the user gave."""
    tasks = _trainings(context.suite, arm, '')
    if tasks:
        return str(context.folder(tasks[0]).checkpoint(context.suite.root))
    return str(context.suite.arms[arm].weights)


def _line(label: str, points: Sequence[tuple], published: bool = False) -> list[Curve]:
    """Return a curve of points (x, y, spread), or none without points."""
    if not points:
        return []
    x, y, spread = zip(*points)
    known = any(one is not None for one in spread)
    bars = [np.nan if one is None else one for one in spread] if known else ()
    return [Curve(x, y, label, bars, published)]


def _places(table: Table, along: str, group: str) -> tuple[list[int], list[str]]:
    """Return the columns (rows) that are drawn, and their labels."""
    parts = table.columns if along == 'columns' else table.rows
    chosen = [place for place, part in enumerate(parts) if not group or part.group == group]
    labels = [parts[place].label for place in chosen]
    return chosen, [label if isinstance(label, str) else label[0] for label in labels]


def _numbers(labels: Sequence[str]) -> list[float] | list[str]:
    """Return labels as numbers if they all are."""
    try:
        return [float(label) for label in labels]
    except ValueError:
        return list(labels)


def _metric_title(suite: Suite, protocol: str, metric: int) -> str:
    if protocol not in suite.protocols:
        return ''
    found = suite.protocols[protocol]
    return f'{found.title}, {found.metrics[metric].label}'


def _panels(
    suite: Suite, title: str, ours: list[Curve], theirs: list[Curve], **style: object
) -> list[Panel]:
    """Return a panel with both, or in a demo one for each."""
    if not suite.is_demo:
        return [Panel(title, [*ours, *theirs], **style)] if ours or theirs else []
    found = [Panel(f'{title} (demo)', ours, **style)] if ours else []
    return found + ([Panel(f'{title} (published)', theirs, **style)] if theirs else [])


def _figure(context: SuiteContext, title: str, caption: str, panels: list[Panel]) -> Figure:
    if not panels:
        raise UserError('nothing of it was logged')
    both = any(curve.published for panel in panels for curve in panel.curves)
    captions = [caption, 'Dashed: published.' if both else '']
    captions.append(DEMO if both and context.suite.is_demo else '')
    drawing = pictures.svg_uri(pictures.curves(panels))
    return Figure(title, ' '.join(filter(None, captions)), [drawing])


def masks(
    context: SuiteContext,
    *,
    arms: Sequence[str],
    ratios: Sequence[float] = (0.25, 0.5, 0.75),
    untrained: bool = False,
    count: int = 3,
    title: str = 'Masks',
) -> Figure:
    """Draw the masks of several arms, each by its own network and masker, at several ratios.

    Args:
        context: A suite whose arms are pre-trained with masks.
        arms: Their names; the images are of the first one's training set.
        ratios: Mask ratios, a column for each.
        untrained: Whether a first row has the first arm's network before its training.
        count: Images, evenly spread, a sheet for each.
        title: Of the figure.
    """
    subjects: list[Subject] = []
    for arm in arms:
        done = [t for t in _trainings(context.suite, arm, '') if context.folder(t).result]
        if not done:
            raise UserError(f'arm {arm!r} has no pre-training that is done')
        folder = context.folder(done[0])
        config = folder.config(done[0].protocol.config)
        trained = Probe(str(folder.checkpoint(context.suite.root)), config)
        samples = subjects[0].samples if subjects else _images(config, trained.size, count)
        if untrained and not subjects:
            subjects.append(Subject('untrained', Probe('none', config, seed=done[0].seed), samples))
        subjects.append(Subject(context.suite.arms[arm].title, trained, samples))
    sheets = own_mask_sheets(subjects, Options(ratios=tuple(ratios)))
    caption = (
        'Masked patches are blue, their number stands below. Each network scores the patches and '
        'masks them as in its training; the noise is the same in all rows. The images are of the '
        'training set, evenly spread. Each heat map spans its own range.'
    )
    return Figure(title, caption, [pictures.jpeg_uri(sheet.image) for sheet in sheets])


def _images(config: Config, size: int, count: int) -> list[Sample]:
    """Read the central squares of evenly spread images of a pre-training."""
    with scope_of(config):
        dataset = DATASETS.build(config.train_dataloader.dataset)
        dataset.full_init()
    chosen = pick_evenly(range(len(dataset)), count)
    paths = [Path(dataset.get_data_info(place)['img_path']) for place in chosen]
    return [Sample(path.stem, pictures.read_square(path, size)) for path in paths]


SUITE_FIGURES: dict[str, Callable[..., Figure]] = dict(
    curves=curves, sweep=sweep, masks=masks, heads=heads
)


def check_suite_figure(spec: dict, suite: Suite) -> None:
    """Check a figure of a suite, before anything runs.

    Raises:
        UserError: If its type or an argument doesn't exist, or an argument is missing or wrong.
    """
    where = f"'figures', {spec['type']}: "
    check_arguments(spec, SUITE_FIGURES, "'figures': ")
    _CHECKS[spec['type']]({key: v for key, v in spec.items() if key != 'type'}, suite, where)


def _check_curves(spec: dict, suite: Suite, where: str) -> None:
    check_choice(f'{where}x', spec.get('x', 'epoch'), ('epoch', 'iteration'))
    scalar, published = spec.get('scalar', ''), spec.get('published') or {}
    if not isinstance(scalar, str) and not isinstance(scalar, Mapping):
        raise UserError(f'{where}scalar must be a name or dict(name=title), got {scalar!r}')
    if published and len(_panels_of(scalar)) > 1:
        raise UserError(f'{where}published curves belong to a single scalar')
    for label, points in published.items():
        pairs = [point for point in points if isinstance(point, (list, tuple)) and len(point) == 2]
        if not points or len(pairs) < len(points):
            raise UserError(f'{where}the published curve of {label!r} must be a list of (x, y)')


def _check_sweep(spec: dict, suite: Suite, where: str) -> None:
    tables = {table.name: table for table in suite.tables}
    check_known(spec['table'], tables, where + 'no such table: {}')
    along, group = spec.get('along', 'columns'), spec.get('group', '')
    check_choice(f'{where}along', along, ('columns', 'rows'))
    chosen, labels = _places(tables[spec['table']], along, group)
    if not chosen:
        raise UserError(f'{where}no {along} of table {spec["table"]!r} are in group {group!r}')
    x = spec.get('x')
    if x is not None and len(x) != len(chosen):
        raise UserError(f'{where}{len(x)} values of x, {len(chosen)} {along}')
    values = _numbers(labels) if x is None else x
    if spec.get('log') and not all(isinstance(v, (int, float)) and v > 0 for v in values):
        raise UserError(f'{where}log needs positive numbers as x, got {values}')


def _check_masks(spec: dict, suite: Suite, where: str) -> None:
    ratios = spec.get('ratios', (0.5,))
    if not ratios or not all(0 < ratio < 1 for ratio in ratios):
        raise UserError(f'{where}ratios must be numbers between 0 and 1, got {ratios}')


def _check_heads(spec: dict, suite: Suite, where: str) -> None:
    shots = spec.get('shots', (1,))
    if not shots or not all(isinstance(count, int) and count > 0 for count in shots):
        raise UserError(f'{where}shots must be positive numbers, got {shots!r}')


_CHECKS: dict[str, Callable[[dict, Suite, str], None]] = dict(
    curves=_check_curves, sweep=_check_sweep, masks=_check_masks, heads=_check_heads
)


def make_suite_figure(context: SuiteContext, spec: dict) -> Figure:
    """Make one figure.

    Raises:
        UserError: If what it shows isn't there.
    """
    arguments = {key: value for key, value in spec.items() if key != 'type'}
    return SUITE_FIGURES[spec['type']](context, **arguments)
