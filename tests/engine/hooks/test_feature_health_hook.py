"""Health of features during training: warned of a collapse once, and without a trace."""

import json
from pathlib import Path

import pytest
import torch
from mmengine.hooks import Hook
from mmpretrain.registry import HOOKS
from test_knn_hook import loader, quick_start, root, train  # noqa: F401

from mmmask.evaluation import features
from mmmask.evaluation.metrics import effective_rank
from mmmask.utils.errors import UserError

NAMES = ('effective_rank', 'norm_mean', 'norm_std', 'mean_cosine', 'attention_entropy')
HEALTH = dict(type='FeatureHealthHook')


@HOOKS.register_module(force=True)
class Collapse(Hook):
    """Let the teacher give one vector for all images from the second epoch on."""

    def before_train_epoch(self, runner):
        if runner.epoch == 1:
            norm = runner.model.teacher.backbone.ln1
            torch.nn.init.zeros_(norm.weight)
            torch.nn.init.ones_(norm.bias)


def warnings(runner):
    log = next(Path(runner.log_dir).glob('*.log')).read_text()
    return [line for line in log.splitlines() if 'features have collapsed' in line]


def scalars(runner):
    path = next(Path(runner.log_dir).glob('vis_data/scalars.json'))
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    return [line for line in lines if 'health/effective_rank' in line]


@pytest.mark.parametrize('shared', [True, False])
def test_a_collapse_is_told_once(root, tmp_path, shared):  # noqa: F811
    hook = HEALTH if shared else dict(HEALTH, dataloader=loader(root, False))
    own = dict(at_start=True) if shared else {}
    runner = train(root, tmp_path, epochs=4, others=[dict(type='Collapse'), hook], **own)
    (line,) = warnings(runner)
    # All features are (1, ..., 1): one dimension of 12. 1 / 12 is above 2 %.
    assert 'in epoch 2: the mean cosine between images is 1.0000 (above max_cosine=0.99)' in line
    ranks = [line['health/effective_rank'] for line in scalars(runner)]
    assert ranks[-3:] == pytest.approx([1, 1, 1], abs=1e-5) and min(ranks[:-3]) > 1.01
    assert len(ranks) == 4 + shared
    current = runner.message_hub.get_scalar('val/health/norm_mean').current()
    assert current == pytest.approx(12**0.5)
    assert all(f'val/health/{name}' in runner.message_hub.log_scalars for name in NAMES)


def test_the_effective_rank_has_a_threshold_too(root, tmp_path):  # noqa: F811
    hook = dict(HEALTH, min_rank_share=0.1, max_cosine=1.0)
    runner = train(root, tmp_path, epochs=3, others=[dict(type='Collapse'), hook], k=3)
    (line,) = warnings(runner)
    assert 'their effective rank is 1.00 of 12 (below min_rank_share=0.1)' in line


def test_a_healthy_network_is_not_warned_of(root, tmp_path):  # noqa: F811
    runner = train(root, tmp_path, others=[HEALTH], at_start=True)
    assert warnings(runner) == [] and len(scalars(runner)) == 3
    hub = runner.message_hub
    first = scalars(runner)[0]['health/effective_rank']
    assert hub.get_scalar('val/health/untrained_effective_rank').current() == first


def test_nothing_is_extracted_twice(root, tmp_path, monkeypatch):  # noqa: F811
    """The bank and the queries once an evaluation, and one batch for the attention."""
    seen = []
    encode = features.FeatureEncoder.__call__

    def counted(self, batch):
        found = encode(self, batch)
        seen.append(found)
        return found

    monkeypatch.setattr(features.FeatureEncoder, '__call__', counted)
    without = train(root, tmp_path / 'a', epochs=1, at_start=False)
    count = len(seen)
    runner = train(root, tmp_path / 'b', epochs=1, others=[dict(HEALTH, attention=False)], k=3)
    assert len(seen) == 2 * count
    bank = torch.cat(seen[count : count + 3])  # twelve images in batches of four
    assert scalars(runner)[0]['health/effective_rank'] == pytest.approx(effective_rank(bank))
    ours, theirs = runner.model.state_dict(), without.model.state_dict()
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)


def test_a_run_with_the_hook_ends_with_the_same_weights(root, tmp_path):  # noqa: F811
    without = train(root, tmp_path / 'a')
    hook = dict(HEALTH, dataloader=loader(root, False), interval=2, source='student')
    within = train(root, tmp_path / 'b', others=[hook])
    ours, theirs = within.model.state_dict(), without.model.state_dict()
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)
    assert [line['epoch'] for line in scalars(within)] == [2]


@pytest.mark.parametrize(
    'options, message',
    [
        ({}, 'needs a KNNHook in the run, or a dataloader'),
        (dict(interval=2), 'interval are those of the KNNHook'),
        (dict(max_cosine=2), 'max_cosine is out of range'),
    ],
)
def test_bad_options_stop_before_training(root, tmp_path, options, message):  # noqa: F811
    with pytest.raises((UserError, TypeError), match=message):
        train(root, tmp_path, others=[dict(HEALTH, **options)])
