"""Every config has the papers' values, its model builds, and every pre-training takes a step.

So do the arms of the papers' suites that are a config with options. A new config is found here by
itself. If its kind of model is new, the test fails until the kind has a check. The demo's
pre-trainings take more than a step, in `test_demos_learn`.
"""

import copy
import re
import runpy
from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest
from config_values import CONFIGS, arms_with_options, built, config
from config_values import value as value_of
from mmengine.registry import DefaultScope
from paper_values import ROWS
from steps import SHRINK, batch_of, checked_step, shrink, start

from mmmask.config.options import check_own_parts
from mmmask.config.read import read_config

NAMES = sorted(
    str(path.relative_to(CONFIGS).with_suffix(''))
    for path in CONFIGS.rglob('*.py')
    if not {'_base_', 'suites'} & set(path.relative_to(CONFIGS).parts)
)
ARMS = arms_with_options()
PAPERS = ('attmask', 'cae', 'ccmim', 'dino', 'gpa', 'ibot', 'mae', 'mst', 'transfer')
EXPECTED = defaultdict(list)
for row in ROWS:
    for name in row.names:
        EXPECTED[name].append(row)


BUILT_ONLY = (
    *('LinearProbe', 'FrozenBackbone', 'ImageClassifier'),
    *('MaskRCNN', 'CascadeRCNN', 'EncoderDecoder'),
)


def test_there_are_configs():
    assert len(NAMES) >= 11


def test_every_config_of_a_paper_has_values():
    of_papers = {name for name in NAMES if name.split('/')[0] in PAPERS}
    assert of_papers | set(ARMS) == set(EXPECTED)


def plain(value):
    """Sequences as tuples, also within dicts."""
    if isinstance(value, dict):
        return {key: plain(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return tuple(map(plain, value))
    return value


def equal(found, expected):
    found, expected = plain(found), plain(expected)
    if isinstance(expected, tuple) and isinstance(found, tuple):
        return len(found) == len(expected) and all(map(equal, found, expected))
    if isinstance(expected, float) and isinstance(found, (int, float)):
        return bool(np.isclose(found, expected, rtol=1e-9, atol=1e-12))
    return found == expected


@pytest.mark.parametrize('name', EXPECTED)
def test_has_the_papers_values(name):
    for where, _, values in EXPECTED[name]:
        found = {path: value_of(name, path) for path in values}
        wrong = {p: (found[p], v) for p, v in values.items() if not equal(found[p], v)}
        assert not wrong, f'{where}: found, expected'


@pytest.mark.parametrize('name', [*NAMES, *ARMS])
def test_builds(name):
    cfg = config(name)
    assert 'model' in cfg and 'mmmask.registration' in cfg.custom_imports.imports
    check_own_parts(cfg)
    kind = cfg.model.type.removeprefix('mmpretrain.')
    if kind in BUILT_ONLY:
        assert sum(parameter.numel() for parameter in built(name, 'model').parameters()) > 1e4
        return
    assert kind in SHRINK, f'No step for a model of type {kind}: add one to steps.SHRINK.'
    if not name.startswith('demo/'):
        cfg = copy.deepcopy(cfg)
        shrink(cfg)
        with DefaultScope.overwrite_default_scope(cfg.default_scope):
            checked_step(cfg, *start(cfg), batch_of(cfg))


@pytest.mark.parametrize('name', NAMES)
def test_the_name_says_what_is_inside(name):
    cfg, name = config(name), Path(f'{name}.py').stem
    if found := re.search(r'_(\d+)xb(\d+)-', name):
        gpus, images = map(int, found.groups())
        assert cfg.train_dataloader.batch_size == images
        assert cfg.auto_scale_lr.base_batch_size == gpus * images
    if found := re.search(r'-(\d+)e_', name):
        assert cfg.train_cfg.max_epochs == int(found.group(1))
    if found := re.search(r'-p(\d+)', name):
        assert cfg.model.backbone.patch_size == int(found.group(1))


def leaves(node, prefix=()):
    """Paths and values of the leaves; a dict that replaces its parent is one."""
    for key, value in node.items():
        if isinstance(value, dict) and not value.get('_delete_'):
            yield from leaves(value, (*prefix, key))
        else:
            yield (*prefix, key), value


@pytest.mark.parametrize(
    'path, most_lines',
    [
        ('attmask/attmask-high-ibot_vit-small-p16_8xb30-coslr-100e_in1k.py', 20),
        ('ibot/ibot_vit-small-p16_8xb30-coslr-100e_in1k.py', 40),
    ],
)
def test_a_child_states_its_difference_only(path, most_lines):
    text = (CONFIGS / path).read_text()
    assert len(text.splitlines()) <= most_lines
    own = {k: v for k, v in runpy.run_path(str(CONFIGS / path)).items() if not k.startswith('__')}
    parent = read_config(str((CONFIGS / path).parent / own.pop('_base_'))).to_dict()
    inherited = dict(leaves(parent))
    for where, value in leaves(own):
        assert where not in inherited or inherited[where] != value, f'{where} only repeats'
