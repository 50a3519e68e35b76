"""The scripts of ``tools/`` are the command ``mmmask``."""

import runpy
import sys
from pathlib import Path

import pytest

TOOLS = Path(__file__).resolve().parents[2] / 'tools'
SCRIPTS = dict(
    benchmark='suite',
    benchmark_step='time-step',
    check_dataset='check-data',
    export_backbone='export',
    inspect_checkpoint='inspect',
    mask_coverage='coverage',
    prepare_demo_data='prepare-demo',
    prepare_miniature='prepare-miniature',
    select_attention_head='select-head',
    test='test',
    train='train',
    verify_transfer='verify',
    visualize='visualize',
)


@pytest.mark.parametrize(('script', 'command'), SCRIPTS.items())
def test_each_script_is_a_command(script, command, monkeypatch, capsys):
    monkeypatch.setattr(sys, 'argv', [f'{script}.py', '--help'])
    monkeypatch.setattr(sys, 'path', list(sys.path))
    with pytest.raises(SystemExit) as ended:
        runpy.run_path(str(TOOLS / f'{script}.py'), run_name='__main__')
    assert ended.value.code == 0
    assert capsys.readouterr().out.startswith(f'usage: mmmask {command} ')


def test_no_other_scripts():
    others = {'benchmark_coco_metric', 'benchmark_knn', 'benchmark_loader', 'simulate_statistics'}
    others |= {'spawn', 'sweep_architectures'}
    assert {path.stem for path in TOOLS.glob('*.py')} == {*SCRIPTS, *others}
