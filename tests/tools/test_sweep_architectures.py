"""Files of timm and transformers: a proof says equal only if features are the saved model's."""

from __future__ import annotations

import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

import mmmask.registration  # noqa: F401

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / 'tools'))
from sweep_architectures import HUGGING_FACE, try_one

PLAIN, UNLIKE = ('equal', 'agrees'), ('refused', 'agrees')


@pytest.mark.parametrize(
    'name, said',
    [
        ('vit_tiny_patch16_224', PLAIN),
        ('deit3_small_patch16_224', PLAIN),
        ('vit_giant_patch14_dinov2', PLAIN),  # SwiGLU
        ('vit_small_patch14_reg4_dinov2', PLAIN),
        ('vit_base_patch16_clip_quickgelu_224', PLAIN),
        ('vit_base_patch16_gap_224', PLAIN),  # no CLS
        ('beit_base_patch16_224', PLAIN),  # relative positions
        ('eva_giant_patch14_224', PLAIN),
        ('vit_small_patch16_rope_ape_224', UNLIKE),
        ('vit_pe_spatial_tiny_patch16_512', UNLIKE),
        ('vit_base_patch16_rpn_224', UNLIKE),  # norms behind the branches
        ('vit_small_patch16_dinov3', ('refused', 'refused')),
        ('eva02_tiny_patch14_224', ('refused', 'refused')),
        ('vit_base_patch16_siglip_224', ('refused', 'refused')),  # attention pooling
        ('vit_base_patch16_xp_224', ('refused', 'refused')),  # query-key norm, parallel blocks
        ('vit_relpos_small_patch16_224', ('refused', 'refused')),
    ],
)
def test_equal_is_said_of_equal_features_only(name, said):
    """With its config.json the architecture is known; without, what no tensor shows is assumed."""
    found = try_one(name, depth=2)
    assert (found['with'].said, found['without'].said) == said, [*map(str, found.values())]
    if said[0] == 'equal':
        assert found['with'].difference < 1e-5
    else:
        assert name in found['with'].why or 'attn_pool' in found['with'].why
    if said[1] == 'agrees':
        assert 'assumed: ' in found['without'].why and 'no rotary positions' in found['without'].why


@pytest.mark.skipif(not find_spec('transformers'), reason="transformers isn't installed")
@pytest.mark.parametrize('name', HUGGING_FACE)
def test_transformers(name):
    found = try_one(name)
    assert not any(outcome.wrong for outcome in found.values()), [*map(str, found.values())]
