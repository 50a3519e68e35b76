import json
from types import SimpleNamespace

import numpy as np
import torch
from mmengine.logging import MMLogger
from mmengine.runner import ValLoop

from mmmask.benchmark.folder import TaskFolder
from mmmask.launch.result import Result, image_outcomes, numbers


def test_only_numbers_are_kept():
    metrics = dict(a=1, b=torch.tensor(0.5), c=np.float32(2), d='text', e=None, f=[1, 2])
    assert numbers(metrics) == dict(a=1.0, b=0.5, c=2.0)


def test_an_earlier_result_is_gone_until_the_run_succeeds(tmp_path):
    (tmp_path / 'result.json').write_text('{"status": "done"}')
    (tmp_path / 'outcomes.safetensors').touch()
    result = Result(str(tmp_path), 'configs/a.py', 'mmmask train configs/a.py')
    assert not (tmp_path / 'result.json').exists()
    assert not (tmp_path / 'outcomes.safetensors').exists()
    result.write(dict(acc=1), 3, 'in.pth', 'ff', 'out.pth')
    content = json.loads((tmp_path / 'result.json').read_text())
    assert content['status'] == 'done'
    assert content['metrics'] == dict(acc=1.0)
    assert content['seed'] == 3
    assert content['command'] == 'mmmask train configs/a.py'
    assert (content['checkpoint'], content['checkpoint_sha256']) == ('in.pth', 'ff')
    assert content['output_checkpoint'] == 'out.pth'


def test_a_precision_of_nothing_has_no_value(tmp_path, monkeypatch):
    said = []
    monkeypatch.setattr(MMLogger, 'warning', lambda self, text: said.append(text))
    metrics = {'coco/bbox_mAP': 0.5, 'coco/bbox_mAP_l': -1.0, 'loss': -1.0, 'map': float('nan')}
    Result(str(tmp_path), 'a.py', 'mmmask test a.py').write(metrics, 0, None, None, None)
    content = json.loads((tmp_path / 'result.json').read_text())
    assert content['metrics'] == {'coco/bbox_mAP': 0.5, 'loss': -1.0}
    assert len(said) == 1 and said[0].startswith(
        'coco/bbox_mAP_l, map: there was nothing to measure'
    )


def test_outcomes_of_images_are_kept_beside_the_result(tmp_path):
    result = Result(str(tmp_path), 'a.py', 'mmmask test a.py')
    images = {'knn/top1_k20': np.float32([100, 0, 100, 100])}
    units = {'knn/top1_k20': 'query'}
    result.write({'knn/top1_k20': 75.0}, 0, None, None, None, outcomes=(images, units))
    ((name, (kept, unit)),) = TaskFolder(tmp_path).outcomes.items()
    assert (name, kept.tolist(), unit) == ('knn/top1_k20', [100, 0, 100, 100], 'query')
    result.write({}, 0, None, None, None, outcomes=({}, {}))


def test_outcomes_and_units_of_all_parts_of_a_run():
    loop = SimpleNamespace(outcomes={'map': np.array([1.0, 0.5])}, outcome_unit='query')
    metric = SimpleNamespace(outcomes={'top1': np.arange(0, 200, 100.0)[::-1]})
    validation = ValLoop.__new__(ValLoop)
    validation.evaluator = SimpleNamespace(metrics=[metric])
    runner = SimpleNamespace(_val_loop=validation, _test_loop=None, model=loop, hooks=[object()])
    arrays, units = image_outcomes(runner)
    assert {name: values.tolist() for name, values in arrays.items()} == {
        'map': [1, 0.5],
        'top1': [100, 0],
    }
    assert units == {'map': 'query', 'top1': 'image'} and arrays['top1'].flags.c_contiguous
