import json

import pytest

from mmmask.reports.scalars import read_scalars, series_of
from mmmask.utils.errors import UserError


def write(folder, name, *lines):
    path = folder / name / 'vis_data' / 'scalars.json'
    path.parent.mkdir(parents=True)
    path.write_text(
        '\n'.join(line if isinstance(line, str) else json.dumps(line) for line in lines)
    )


def test_a_resumed_run_is_one_series(tmp_path):
    write(
        tmp_path,
        '20260101_000002',
        dict(loss=2.5, epoch=2, iter=4, step=4),
        dict(acc=70.0, step=2),
        dict(loss=1.0, epoch=3, iter=6, step=6),
        dict(acc=80.0, step=3),
    )
    write(
        tmp_path,
        '20260101_000001',
        dict(loss=5.0, epoch=1, iter=2, step=2),
        dict(acc=60.0, step=1),
        dict(loss=3.0, epoch=2, iter=4, step=4),
        '{"loss": 2.9, "ep',
    )
    lines = read_scalars(tmp_path)
    assert series_of(lines, 'loss') == ([2, 4, 6], [5.0, 2.5, 1.0])
    assert series_of(lines, 'acc') == ([2, 4, 6], [60.0, 70.0, 80.0])  # epochs became iterations
    assert series_of(lines, 'other') == ([], [])


def test_epochs_have_fractions():
    lines = [
        dict(loss=5.0, epoch=1, iter=3, step=3),
        dict(acc=60.0, step=1),  # a validation's step is the epoch
        dict(loss=4.0, epoch=2, iter=6, step=6),
        {'knn/top1': 30.0, 'epoch': 2, 'iter': 8, 'step': 8},  # of four iterations each
        dict(acc=70.0, step=2),
    ]
    assert series_of(lines, 'loss', by_epoch=True) == ([0.75, 1.5], [5.0, 4.0])
    assert series_of(lines, 'knn/top1', by_epoch=True) == ([2], [30.0])
    assert series_of(lines, 'acc', by_epoch=True) == ([1, 2], [60.0, 70.0])
    with pytest.raises(UserError, match='the run logged no epochs'):
        series_of([dict(loss=1.0, iter=2, step=2)], 'loss', by_epoch=True)


def test_iterations_stay_iterations(tmp_path):
    write(tmp_path, 'a', dict(loss=1.0, iter=10, step=10), dict(mIoU=3.0, step=10), dict(mIoU=4.0))
    write(tmp_path, 'b', {'knn/top1': 5.0, 'epoch': 1, 'iter': 7, 'step': 7})
    lines = read_scalars(tmp_path)
    assert series_of(lines, 'mIoU') == ([10], [3.0])
    assert series_of(lines, 'knn/top1') == ([7], [5.0])
    # mmdet's default: iterations are trained, but the validation's step is the epoch, 0.
    assert series_of([dict(iter=20, step=20), dict(AP=0.5, step=0)], 'AP') == ([20], [0.5])
