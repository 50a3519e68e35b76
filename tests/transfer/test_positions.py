"""Position embeddings and relative position tables are resized as their authors do."""

from __future__ import annotations

import pytest
import torch
from foreign_checkpoints import dino, mae
from positions_by_hand import resized_by_hand
from tiny_backbones import CONFIG_TEXT, build_vit, load, randomise, save
from torch.nn.functional import interpolate

from mmmask.probe.network import describe_backbone
from mmmask.transfer.checkpoint import read_checkpoint
from mmmask.transfer.export import export_backbone
from mmmask.transfer.formats import select_backbone
from mmmask.transfer.positions import (
    fit_position_embedding,
    fit_relative_position,
    position_layout,
)
from mmmask.transfer.settings import settings_of
from mmmask.transfer.verify import compare_with_source
from mmmask.utils.errors import UserError

BEIT = 'layers.{}.attn.relative_position_bias_table'
SWIN = 'stages.0.blocks.0.attn.w_msa.relative_position_bias_table'
AMBIGUOUS = 'The 16 position embeddings of the file are taken for 2x8'


def rows(count: int) -> torch.Tensor:
    """(1, N, 12), each row its number."""
    return torch.arange(float(count)).view(1, -1, 1).repeat(1, 1, 12)


@pytest.mark.parametrize(
    'count, prefix, grid, fallback, expected',
    [
        (10, 1, None, None, (1, (3, 3))),
        (9, 1, None, None, (0, (3, 3))),
        (10, 1, (2, 5), None, (0, (2, 5))),  # although the rest of a CLS token's is a square
        (17, 1, (2, 8), None, (1, (2, 8))),
        (17, 1, (3, 3), None, (1, (4, 4))),  # what is known can't be
        (17, 1, None, (2, 8), (1, (2, 8))),
        (17, 1, None, (3, 3), (1, (4, 4))),
        (17, 1, (8, 2), (2, 8), (1, (8, 2))),
        (13, 1, None, (3, 3), (1, (3, 3))),
        (18, 2, None, None, (2, (4, 4))),
    ],
)
def test_layout(count, prefix, grid, fallback, expected):
    assert position_layout(rows(count), prefix, grid, fallback) == expected


def test_no_layout():
    with pytest.raises(UserError, match='The 12 position embeddings of the file are no square'):
        position_layout(rows(13), 1, None)


def test_as_many_positions_are_the_config_s_grid(log):
    vit = build_vit(img_size=(16, 64))
    tensors = dict(cls_token=torch.zeros(1, 1, 12), pos_embed=rows(17))
    assert fit_position_embedding(tensors, vit, None) == []
    assert torch.equal(tensors['pos_embed'], rows(17))
    (warning,) = [text for text in log if AMBIGUOUS in text]
    assert "if they are 4x4, set the backbone's img_size" in warning
    log.clear()
    assert fit_position_embedding(tensors, vit, (4, 4)) == ['pos_embed 4x4 -> 2x8']
    assert fit_position_embedding(tensors, build_vit(img_size=(16, 48)), (2, 8))
    tensors['pos_embed'] = rows(13)
    assert fit_position_embedding(tensors, build_vit(img_size=(16, 48)), None) == []
    assert not any('are taken for' in text for text in log)  # 12 are no square


def plane(positions) -> torch.Tensor:
    """(N^2, 2): 3 y - x of offsets and the same doubled, for two heads."""
    positions = torch.tensor(positions)
    values = (3 * positions[:, None] - positions[None]).reshape(-1, 1)
    return torch.cat([values, 2 * values], dim=1)


def test_beit_s_table_is_finer_towards_the_centre():
    """3x3 patches have offsets 0, 1 and 1 + 1.5 of 4x4's: a plane over those stays that plane."""
    extras = torch.tensor([[7.0, 8.0], [9.0, 10.0], [11.0, 12.0]])
    tensors = {BEIT.format(0): torch.cat([plane([-2.5, -1.0, 0.0, 1.0, 2.5]), extras])}
    targets = {BEIT.format(0): torch.zeros(7 * 7 + 3, 2)}
    resized = fit_relative_position(tensors, targets)
    assert resized == ['1 relative position tables 3x3 -> 4x4']
    table = tensors[BEIT.format(0)]
    assert torch.equal(table[-3:], extras)
    within = slice(1, -1)  # 3 is beyond 2.5
    got, expected = (
        value.reshape(7, 7, 2)[within, within]
        for value in (table[:-3], plane([-3.0, -2.0, -1.0, 0.0, 1.0, 2.0, 3.0]))
    )
    torch.testing.assert_close(got, expected, rtol=0, atol=1e-4)


def test_swin_s_table_is_interpolated_evenly():
    source = torch.randn(5 * 5, 2, generator=torch.Generator().manual_seed(0))
    tensors = {SWIN: source}
    assert fit_relative_position(tensors, {SWIN: torch.zeros(7 * 7, 2)})
    image = source.T.reshape(1, 2, 5, 5)
    expected = interpolate(image, (7, 7), mode='bicubic', align_corners=False)
    torch.testing.assert_close(tensors[SWIN], expected.reshape(2, 49).T)


def test_one_table_for_all_blocks_is_each_block_s():
    shared = plane([-1.0, 0.0, 1.0])
    tensors = {'rel_pos_bias.relative_position_bias_table': torch.cat([shared, torch.ones(3, 2)])}
    table = tensors['rel_pos_bias.relative_position_bias_table']
    targets = {BEIT.format(block): torch.zeros(9 + 3, 2) for block in range(2)}
    assert fit_relative_position(tensors, targets) == []
    assert tensors.keys() == targets.keys()
    assert all(torch.equal(value, table) for value in tensors.values())


def pretrained(folder, resize):
    """A checkpoint of a backbone that resizes so; the config in the file remembers it."""
    vit = randomise(build_vit('MaskedVisionTransformer', pos_embed_resize=resize), 0)
    text = CONFIG_TEXT.replace('img_size', f'pos_embed_resize={resize!r}, img_size')
    path = save(folder, {f'backbone.{k}': v for k, v in vit.state_dict().items()}, text)
    return path, vit.pos_embed.detach().double()


def parts_of(path):
    checkpoint = read_checkpoint(str(path))
    return checkpoint, select_backbone(checkpoint)


@pytest.mark.parametrize(
    'in_file, kind, in_config, offset, is_told',
    [
        ('dino', 'VisionTransformer', None, 0.1, True),  # which resizes by size while running
        ('dino', 'PlainVisionTransformer', None, 0.1, True),
        ('dino', 'PlainVisionTransformer', 'dino', 0.1, False),
        ('dino', 'PlainVisionTransformer', 'size', 0.0, False),  # iBOT's loader
        ('dino', 'MaskedVisionTransformer', 'dino', 0.1, False),
        (None, 'PlainVisionTransformer', 'dino', 0.1, False),
        (None, 'VisionTransformer', None, 0.0, False),
        ('size', 'VisionTransformer', None, 0.0, False),
    ],
)
def test_positions_are_resized_as_config_or_checkpoint_say(
    in_file, kind, in_config, offset, is_told, tmp_path, log
):
    """6 x 6 positions become 10 x 8; both sides of the proof do the same, a third one doesn't."""
    path, source = pretrained(tmp_path, in_file)
    options = {} if in_config is None else dict(pos_embed_resize=in_config)
    vit = load(path, kind, img_size=(80, 64), out_type='raw', **options)
    expected = resized_by_hand(source, (6, 6), (10, 8), offset)
    torch.testing.assert_close(vit.pos_embed.double(), expected, rtol=0, atol=1e-5)
    other = resized_by_hand(source, (6, 6), (10, 8), 0.1 - offset)
    assert (vit.pos_embed - other).abs().max() > 1e-3
    told = [text for text in log if "pre-training resized by DINO's rule" in text]
    assert len(told) == is_told
    comparison = compare_with_source(vit, *parts_of(path))  # 6 x 6: positions are resized back
    assert comparison.equal and comparison.size == (48, 48)
    vit.pos_embed.data = other.float()
    assert not compare_with_source(vit, *parts_of(path)).equal


def test_whose_files_resize_by_dino_s_rule(tmp_path):
    for write, expected in ((dino, 'dino'), (mae, None)):
        (tmp_path / write.__name__).mkdir()
        parts = parts_of(write(tmp_path / write.__name__).path)
        assert settings_of(*parts).pos_embed_resize == expected


def test_an_export_remembers(tmp_path):
    path, _ = pretrained(tmp_path, 'dino')
    export_backbone(read_checkpoint(str(path)), 'auto', 'timm', tmp_path / 'timm.safetensors')
    parts = parts_of(tmp_path / 'timm.safetensors')
    assert settings_of(*parts).pos_embed_resize == 'dino'


def test_a_network_without_a_config_resizes_as_its_file_says(tmp_path):
    path, _ = pretrained(tmp_path, 'dino')
    backbone = describe_backbone(read_checkpoint(str(path)))[0].model.backbone
    assert backbone.type == 'mmpretrain.MaskedVisionTransformer'
    assert backbone.pos_embed_resize == 'dino'
