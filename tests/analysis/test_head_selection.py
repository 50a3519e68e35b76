"""Recall of every head, against a loop over patches."""

import math

import numpy as np
import pytest
import torch

from mmmask.analysis.head_selection import HeadRecalls, recalls, select_head
from mmmask.analysis.object_patches import ObjectPatches
from mmmask.config.read import read_config
from mmmask.probe import Probe
from mmmask.utils.errors import UserError


def naive_recall(scores, truth, count):
    order = sorted(range(len(scores)), key=lambda patch: (-scores[patch], patch))
    return sum(truth[patch] for patch in order[:count]) / sum(truth)


def test_recall_by_hand():
    truth = torch.tensor([True, False, True, True])
    scores = torch.tensor([[4.0, 3, 2, 1], [1.0, 2, 3, 4], [0, 0, 0, 0]])
    np.testing.assert_allclose(recalls(scores, truth, 2), [1 / 3, 2 / 3, 1 / 3])
    np.testing.assert_allclose(recalls(scores, truth, 4), 1)
    np.testing.assert_allclose(recalls(scores, truth, 0), 0)


def naive_scores(probe, image):
    """(blocks, heads, L): GPA's sums over pairs of patches, in double precision."""
    found = []
    handles = [
        layer.attn.qkv.register_forward_hook(lambda *args: found.append(args[2].detach().double()))
        for layer in probe.backbone.layers
    ]
    mean, std = torch.tensor([100.0, 110, 120]), torch.tensor([50.0, 60, 70])
    pixels = (torch.from_numpy(image.copy()).float() - mean) / std
    with torch.no_grad():
        probe.backbone(pixels.permute(2, 0, 1)[None])
    for handle in handles:
        handle.remove()
    scores = []
    for qkv in found:
        query, key, _ = qkv[0, 1:].reshape(-1, 3, 2, 4).permute(1, 2, 0, 3)  # (H, L, d)
        pairs = query @ key.transpose(1, 2) / math.sqrt(4)  # rows ask, columns receive
        pairs[:, range(16), range(16)] = 0
        scores.append(pairs.sum(dim=1))
    return torch.stack(scores)


@pytest.mark.parametrize('ratio, source', [(0.75, 'auto'), (0.3, 'student'), (None, 'teacher')])
def test_every_head_against_a_loop(config, checkpoint, scenes, ratio, source):
    probe = Probe(str(checkpoint), read_config(str(config)), source, backbone_only=True)
    assert probe.source == ('student' if source == 'student' else 'teacher')
    images = list(ObjectPatches(*scenes, probe.size, probe.grid))
    found = select_head(probe, images, ratio, covered=0.5)
    expected, chances = [], []
    for image, coverage in images:
        truth = (coverage.reshape(-1) > 0.5).tolist()
        if not any(truth):
            continue
        count = sum(truth) if ratio is None else int(ratio * 16)
        chances.append(count / 16)
        scores = naive_scores(probe, image)
        scores = torch.cat((scores, scores.sum(dim=1, keepdim=True)), dim=1)
        expected.append(
            [[naive_recall(head.tolist(), truth, count) for head in block] for block in scores]
        )
    assert (found.num_images, found.num_skipped) == (2, 1)  # the small object covers a quarter
    assert found.expected == pytest.approx(np.mean(chances))
    np.testing.assert_allclose(found.mean, np.mean(expected, axis=0), atol=1e-12)
    spread = np.abs(np.array(expected[0]) - expected[1]) / 2  # of two: half of their difference
    np.testing.assert_allclose(found.error, spread, atol=1e-12)


def test_the_winner_is_a_head_and_not_the_sum():
    mean = np.array([[0.2, 0.5, 0.9], [0.6, 0.4, 1.0]])
    assert HeadRecalls(mean, mean, 0.75, 1, 0).winner == (1, 0)


def test_nothing_is_covered(config, checkpoint, scenes):
    probe = Probe(str(checkpoint), read_config(str(config)), backbone_only=True)
    images = list(ObjectPatches(*scenes, probe.size, probe.grid))[1:2]
    with pytest.raises(UserError, match='covered by more than 0.5: lower --covered'):
        select_head(probe, images)
    assert select_head(probe, images, covered=0.2).num_images == 1
