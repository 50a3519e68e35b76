"""``tools/select_attention_head.py``: its files, the config that it writes, its errors."""

import json
import re
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmpretrain.registry import MODELS
from PIL import Image

from mmmask.commands.main import run_command
from mmmask.config.read import read_config
from mmmask.probe import Probe

main = partial(run_command, 'select-head')

ROOT = Path(__file__).resolve().parents[2]
GPA = ROOT / 'configs/demo/gpa_vit-demo_material-scenes.py'


def test_files_and_console(arguments, tmp_path, capsys):
    assert main(arguments) == 0
    report = json.loads((tmp_path / 'out/recalls.json').read_text())
    assert (report['num_images'], report['num_skipped']) == (2, 1)
    assert report['random_expectation'] == 0.75
    recall = np.array(report['recall'])
    winner = report['winner']
    assert recall.shape == np.shape(report['standard_error']) == (2, 2)
    assert winner['recall'] == recall.max() == recall[winner['block'], winner['head']]
    settings = report['settings']
    assert settings['source'] == 'teacher' and settings['grid'] == [4, 4]
    assert (settings['ratio'], settings['covered'], settings['shots']) == (0.75, 0.5, None)
    assert np.asarray(Image.open(tmp_path / 'out/recalls.png')).std() > 10
    console = capsys.readouterr().out
    named = re.search(r'attention.block=(\d) model.scorer.attention.head=(\d)', console)
    assert [int(n) for n in named.groups()] == [winner['block'], winner['head']]
    assert f'{100 * recall.max():.1f}*' in console and 'random patches: 75.0' in console


def test_the_fragment_builds_the_tap_that_won(arguments, tmp_path):
    """Merged into GPA's config, it reads what was measured."""
    assert main(arguments) == 0
    fragment = Config.fromfile(tmp_path / 'out/attention_head.py')
    winner = json.loads((tmp_path / 'out/recalls.json').read_text())['winner']
    chosen = dict(block=winner['block'], head=winner['head'])
    assert fragment.to_dict() == dict(model=dict(scorer=dict(attention=chosen)))
    cfg = Config.fromfile(GPA)
    cfg.merge_from_dict(fragment.to_dict())
    tap = MODELS.build(cfg.model.scorer.attention)
    probe = Probe(arguments[1], read_config(arguments[0]), backbone_only=True)
    image = np.random.default_rng(3).integers(0, 256, (32, 32, 3), np.uint8)
    own = probe.read([image], dict(tap=tap))['tap'].scores()
    tap.per_head = True
    heads = probe.read([image], dict(tap=tap))['tap'].scores()
    assert torch.equal(own, heads[:, winner['head']]) and own.shape == (1, 16)


def test_a_child_can_inherit_the_fragment_or_the_fragment_gpa(arguments, tmp_path):
    assert main([*arguments, '--base', str(GPA)]) == 0
    winner = json.loads((tmp_path / 'out/recalls.json').read_text())['winner']
    child = tmp_path / 'child.py'
    child.write_text("_base_ = 'out/attention_head.py'\nmodel = dict(masker=dict(ratio=0.5))\n")
    cfg = Config.fromfile(child)
    attention = dict(type='ReceivedAttentionTap', block=winner['block'], head=winner['head'])
    assert cfg.model.scorer == dict(type='OnlineScorer', attention=attention)
    assert cfg.model.type == 'MaskedAutoencoder' and cfg.train_dataloader
    assert cfg.model.masker == dict(type='SoftToHardMasker', ratio=0.5)


def test_one_shot_and_as_many_patches(arguments, tmp_path):
    assert main([*arguments, '--shots', '1', '--seed', '1', '--as-many', '--covered', '0.2']) == 0
    report = json.loads((tmp_path / 'out/recalls.json').read_text())
    assert report['num_images'] == 1 and report['standard_error'] is None
    assert report['random_expectation'] in (3 / 16, 1 / 16, 8 / 16)


@pytest.mark.parametrize(
    'options, message',
    [
        (['--annotations', 'nothing.json'], "there is no file 'nothing.json'"),
        (['--labelled'], "is of its image's label: an image's folder must have a category's"),
        (['--size', '33'], '--size 33 is no whole number of patches'),
        (['--base', 'nothing.py'], "There is no config 'nothing.py'"),
        (['--base', str(GPA.with_name(GPA.name.replace('gpa', 'mae')))], 'ReceivedAttentionTap'),
        (['--out', __file__], "can't be a folder"),
        (['--covered', '0.999999', '--source', 'nobody'], None),
        (['--shots', '0'], None),
        (['--ratio', '1.5'], None),
    ],
)
def test_mistakes(arguments, options, message, capsys):
    if message is None:
        with pytest.raises(SystemExit) as caught:
            main([*arguments, *options])
        assert caught.value.code == 2
    else:
        assert main([*arguments, *options]) == 1
        errors = capsys.readouterr().err.strip().splitlines()
        assert len(errors) == 1 and errors[0].startswith('error: ') and message in errors[0]
