"""The suite of downstream tasks: fair arms, three seeds, the demo's protocols."""

from collections import Counter
from pathlib import Path

from mmmask.benchmark.suite import load_suite

ROOT = Path(__file__).parents[2]


def load(name):
    return load_suite(ROOT / 'configs' / 'suites' / f'{name}.py', ROOT)


def test_every_arm_has_three_seeds_from_its_own_pretraining():
    suite = load('transfer')
    downstream = [task for task in suite.tasks if task.protocol.name != 'pretrain']
    counts = Counter((task.protocol.name, task.arm) for task in downstream)
    kinds = ('detection', 'segmentation', 'finetuning')
    assert counts == {(kind, arm): 3 for kind in kinds for arm in ('scratch', 'pre-trained')}
    for task in downstream:
        assert task.weights == ('none' if task.arm == 'scratch' else f'pretrain-s{task.seed}')
        assert not task.options  # nothing else differs between the arms


def test_protocols_are_the_demos():
    suite, demo = load('transfer'), load('demo')
    for name in ('pretrain', 'detection', 'segmentation'):
        assert suite.protocols[name] == demo.protocols[name]
