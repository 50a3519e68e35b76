"""``tools/demo_tables.sh``: two tables of the papers, from nothing to their files."""

import csv
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[2] / 'tools' / 'demo_tables.sh'


@pytest.mark.slow
def test_two_papers_tables_run_whole(tmp_path):
    out = tmp_path / 'tables'
    ran = subprocess.run(
        ['bash', str(SCRIPT), str(out), 'mst/table4', 'attmask/table3'],
        cwd=tmp_path,
        env={**os.environ, 'PYTHON': sys.executable, 'OMP_NUM_THREADS': '1'},
        capture_output=True,
        text=True,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr + (out / 'log.txt').read_text()
    assert '2 suites, 0 failed' in ran.stdout

    def measured(task, metric):
        return json.loads((out / task / 'result.json').read_text())['metrics'][metric]

    rows = list(csv.DictReader((out / 'mst' / 'tables' / 'table4.csv').open()))
    assert [row['Top-1 acc (%) published'] for row in rows] == ['73.1', '63.2', '73.7']
    assert [float(row['Top-1 acc (%) measured']) for row in rows] == [
        pytest.approx(measured(f'mst/linear-{arm}-s0', 'linear/top1'))
        for arm in ('mask_none', 'mask_random', 'num2_p0.05')
    ]
    (row,) = csv.DictReader((out / 'attmask' / 'tables' / 'table3.csv').open())
    arms = {
        'No Masking†': ('dino_20pct', '43.0'),
        'Random': ('dino_random', '43.4'),
        'AttMask-Low': ('dino_low', '42.7'),
        'AttMask-Hint': ('dino_hint', '43.6'),
        'AttMask-High': ('dino_high', '43.5'),
    }
    for label, (arm, published) in arms.items():
        assert row[f'{label} published'] == published
        found = measured(f'attmask/knn-{arm}-s0', 'knn/top1_k20')
        assert float(row[f'{label} measured']) == pytest.approx(found)
