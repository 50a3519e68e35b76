"""The table of names reads in both directions."""

from __future__ import annotations

import pytest
import torch

from mmmask.transfer.names import DINOV2, NAMINGS, from_mmpretrain, to_mmpretrain


@pytest.mark.parametrize('naming', NAMINGS, ids=lambda naming: naming.name)
def test_every_rule_reads_in_both_directions(naming):
    """Distinct values arrive under distinct names, and back."""
    values = dict(i='1', j='2', p='weight', c='0')
    ours, seen = {}, set()
    for number, rule in enumerate(naming.rules):
        if rule.theirs in seen:  # a gated MLP under the plain one's names: by their shapes
            continue
        seen.add(rule.theirs)
        name = rule.ours
        for key, value in values.items():
            name = name.replace(f'{{{key}}}', value)
        ours[name] = torch.arange(72.0).reshape(3, 24) + 100 * number
    if naming.name == 'DINOv2, in chunks':  # which one a block is in isn't known when writing
        theirs = {
            name.replace('blocks.1.', 'blocks.0.1.'): value
            for name, value in from_mmpretrain(DINOV2, ours).items()
        }
        assert 'blocks.0.1.norm1.weight' in theirs
    else:
        theirs = from_mmpretrain(naming, ours)
    back, others = to_mmpretrain(naming, theirs)
    assert not others and set(back) == set(ours)
    for name, value in back.items():
        assert torch.equal(value.flatten(), ours[name].flatten()), name
