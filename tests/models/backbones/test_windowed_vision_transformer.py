"""Windows of a ViT: the parent's blocks on each window alone, with the parent's weights."""

import copy

import pytest
import torch
from mmengine.registry import DefaultScope
from mmpretrain.models.backbones import VisionTransformer
from mmpretrain.registry import MODELS
from torch import nn

from mmmask.engine.optimizers import LayerDecayOptimWrapperConstructor
from mmmask.models.backbones import WindowedVisionTransformer
from mmmask.models.backbones.relative_position import SharedRelativePositions
from mmmask.models.backbones.windowed_vision_transformer import join_windows, split_windows

ARCH = dict(embed_dims=8, num_layers=3, num_heads=2, feedforward_channels=16)
SIZES = dict(arch=ARCH, img_size=16, patch_size=4)


def windowed(window_size=2, global_blocks=(), **options):
    """In float64, with weights far from their start, ready to be compared."""
    vit = WindowedVisionTransformer(
        **SIZES | options, window_size=window_size, global_blocks=global_blocks
    )
    generator = torch.Generator().manual_seed(0)
    for parameter in vit.parameters():
        parameter.data.normal_(0, 0.5, generator=generator)
    vit.double().eval()
    return vit


def images(height=16, width=16):
    generator = torch.Generator().manual_seed(1)
    return torch.randn(2, 3, height, width, generator=generator, dtype=torch.float64)


def parent_of(vit, **options):
    """mmpretrain's, without a CLS token, with the same weights."""
    parent = VisionTransformer(**SIZES | options, out_type='featmap', with_cls_token=False)
    weights = {name: v for name, v in vit.state_dict().items() if name != 'cls_token'}
    weights['pos_embed'] = weights['pos_embed'][:, 1:]
    parent.load_state_dict(weights, strict=True)
    parent.double().eval()
    return parent


def test_windows_row_by_row():
    """A map of 3 x 4 in windows of 2: four, of which the lower two end with a row of zeros."""
    maps = torch.arange(1.0, 13).reshape(1, 3, 4, 1)
    windows = split_windows(maps, 2)
    expected = [[1, 2, 5, 6], [3, 4, 7, 8], [9, 10, 0, 0], [11, 12, 0, 0]]
    assert windows[..., 0].tolist() == expected
    assert torch.equal(join_windows(windows, 2, (3, 4)), maps)


@pytest.mark.parametrize('grid', [(4, 4), (3, 5), (1, 7), (2, 2)])
def test_joining_undoes_splitting(grid):
    maps = torch.randn(2, *grid, 3)
    for side in (1, 2, 3, 5):
        windows = split_windows(maps, side)
        assert windows.shape == (2 * -(-grid[0] // side) * -(-grid[1] // side), side**2, 3)
        assert torch.equal(join_windows(windows, side, grid), maps)


@pytest.mark.parametrize('with_cls_token', [True, False])
def test_names_are_the_parent_s(with_cls_token):
    vit = WindowedVisionTransformer(**SIZES, with_cls_token=with_cls_token)
    parent = VisionTransformer(**SIZES, out_type='featmap', with_cls_token=with_cls_token)
    assert vit.state_dict().keys() == parent.state_dict().keys()
    vit.load_state_dict(parent.state_dict(), strict=True)


@pytest.mark.parametrize('size', [(16, 16), (8, 12), (20, 24)])
@pytest.mark.parametrize('options', [{}, dict(final_norm=False, out_indices=[0, 2])])
def test_global_blocks_are_the_parent_s(size, options):
    vit = windowed(global_blocks=[0, 1, 2], **options)
    for output, expected in zip(vit(images(*size)), parent_of(vit, **options)(images(*size))):
        assert torch.equal(output, expected)


def test_one_window_that_is_the_grid_is_the_parent():
    vit = windowed(window_size=4, out_indices=[0, 1, 2])
    for output, expected in zip(vit(images()), parent_of(vit, out_indices=[0, 1, 2])(images())):
        torch.testing.assert_close(output, expected, rtol=0, atol=1e-12)


def test_windows_do_not_see_each_other():
    vit, changed = windowed(), images()
    changed[:, :, 5, 6] += 3.0  # patch (1, 1), in the first of four windows
    moved = (vit(changed)[0] - vit(images())[0]).abs().amax(dim=(0, 1))
    assert (moved[:2, :2] > 1e-6).all()
    moved[:2, :2] = 0
    assert (moved == 0).all()
    moved = windowed(global_blocks=[1])(changed)[0] - windowed(global_blocks=[1])(images())[0]
    assert (moved.abs().amax(dim=(0, 1)) > 1e-6).all()


def attention(attn, tokens, bias=None, grid=None):
    """Of one window, head by head: (n, C) -> (n, C); a bias for each pair of patches of a grid."""
    q, k, v = attn.qkv(tokens).chunk(3, dim=-1)
    heads = []
    for head, part in enumerate(zip(*(x.split(attn.head_dims, dim=-1) for x in (q, k, v)))):
        scores = part[0] @ part[1].T / attn.head_dims**0.5
        if bias is not None:
            places = [divmod(place, grid[1]) for place in range(grid[0] * grid[1])]
            for a, (i, j) in enumerate(places):
                for b, (m, n) in enumerate(places):
                    offset = (i - m + grid[0] - 1, j - n + grid[1] - 1)
                    scores[a, b] += number_of(bias, head, part[0][a], *offset)
        heads.append(scores.softmax(dim=-1) @ part[2])
    return attn.proj(torch.cat(heads, dim=-1))


def number_of(bias, head, query, row, column):
    """What a module of relative positions adds for an offset of rows and of columns, from 0."""
    if isinstance(bias, SharedRelativePositions):
        return bias.table[head, row, column]
    return query @ bias.rows[row] + query @ bias.columns[column]


@pytest.mark.parametrize('relative_positions', [None, 'shared', 'decomposed'])
def test_a_loop_over_windows_with_padding(relative_positions):
    """Five by four patches in windows of three: zeros behind the norm, which are attended to."""
    arch = ARCH | dict(num_layers=1)
    options = dict(arch=arch, relative_positions=relative_positions)
    vit = windowed(window_size=3, final_norm=False, **options)
    with torch.no_grad():
        output = vit(images(20, 16))[0]
        tokens, grid = vit.patch_embed(images(20, 16))
        assert tuple(grid) == (5, 4)
        positions = vit.resize_pos_embed(vit.pos_embed, (4, 4), grid, 'bicubic', 1)[:, 1:]
        maps = (tokens + positions).reshape(2, 5, 4, 8)
        (layer,) = vit.layers
        expected = torch.empty_like(maps)
        for image in range(2):
            for top in (0, 3):
                for left in (0, 3):
                    inside = maps[image, top : top + 3, left : left + 3]
                    rows, columns = inside.shape[:2]
                    window = torch.zeros(3, 3, 8, dtype=torch.float64)
                    window[:rows, :columns] = layer.ln1(inside)
                    attended = attention(layer.attn, window.flatten(0, 1), vit.biases[0], (3, 3))
                    attended = attended.reshape(3, 3, 8)
                    there = inside + attended[:rows, :columns]
                    there = there + layer.ffn.layers(layer.ln2(there))
                    expected[image, top : top + 3, left : left + 3] = there
    torch.testing.assert_close(output, expected.permute(0, 3, 1, 2), rtol=0, atol=1e-12)


@pytest.mark.parametrize('kind', ['shared', 'decomposed'])
def test_a_loop_over_a_global_block_with_relative_positions(kind):
    """Two by three patches, where tables are made for three by three."""
    vit = windowed(
        global_blocks=[0],
        final_norm=False,
        arch=ARCH | dict(num_layers=1),
        relative_positions=kind,
        relative_grid=3,
    )
    (layer,), (bias,) = vit.layers, vit.biases
    # Offsets of rows, -2 to 2, are made anew for -1 to 1: the middles of three cells in five.
    weights = torch.zeros(3, 5, dtype=torch.float64)
    weights[0, 0] = weights[2, 4] = 2 / 3
    weights[0, 1] = weights[2, 3] = 1 / 3
    weights[1, 2] = 1
    fitted = copy.deepcopy(bias)
    if kind == 'shared':
        fitted.table.data = torch.einsum('no,hoc->hnc', weights, bias.table.data)
    else:
        fitted.rows.data = weights @ bias.rows.data
    with torch.no_grad():
        output = vit(images(8, 12))[0]
        tokens, grid = vit.patch_embed(images(8, 12))
        assert tuple(grid) == (2, 3)
        tokens += vit.resize_pos_embed(vit.pos_embed, (4, 4), grid, 'bicubic', 1)[:, 1:]
        expected = torch.stack(
            [t + attention(layer.attn, layer.ln1(t), fitted, (2, 3)) for t in tokens]
        )
        expected = expected + layer.ffn.layers(layer.ln2(expected))
    expected = expected.transpose(1, 2).reshape(2, 8, 2, 3)
    torch.testing.assert_close(output, expected, rtol=0, atol=1e-12)


def test_relative_positions_that_blocks_share_and_that_they_do_not():
    """ViT-B at 1024 pixels: windows of 14, a grid of 64, so 27 and 127 offsets along a side."""
    arch = dict(embed_dims=24, num_layers=12, num_heads=12, feedforward_channels=8)
    sizes = dict(arch=arch, img_size=224, patch_size=16)
    shapes = {}
    for kind in ('shared', 'decomposed'):
        vit = WindowedVisionTransformer(**sizes, relative_positions=kind)
        found = {name: p for name, p in vit.named_parameters() if 'relative_positions' in name}
        assert not any(p.any() for p in found.values())
        shapes[kind] = {name: tuple(p.shape) for name, p in found.items()}
    assert shapes['shared'] == {
        'relative_positions.windows.table': (12, 27, 27),
        'relative_positions.whole.table': (12, 127, 127),
    }
    assert shapes['decomposed'] == {
        f'layers.{i}.attn.relative_positions.{part}': (127 if i in (2, 5, 8, 11) else 27, 2)
        for i in range(12)
        for part in ('rows', 'columns')
    }


@pytest.mark.parametrize('kind', ['shared', 'decomposed'])
def test_relative_positions_of_zeros_change_nothing_and_learn(kind):
    vit = windowed(global_blocks=[1], relative_positions=kind, relative_grid=4)
    tables = [p for name, p in vit.named_parameters() if 'relative_positions' in name]
    for table in tables:
        table.data.zero_()
    plain = windowed(global_blocks=[1])
    plain.load_state_dict(vit.state_dict(), strict=False)
    torch.testing.assert_close(vit(images())[0], plain(images())[0], rtol=0, atol=1e-12)
    vit.train()
    vit(images())[0].square().sum().backward()
    assert all((table.grad != 0).any() for table in tables)


def test_stochastic_depth_drops_images_not_windows():
    """Dropping a block's attention drops all windows of the image."""
    vit = windowed(arch=ARCH | dict(num_layers=2), drop_path_rate=0.5, final_norm=False)
    vit.train()
    kept = []
    vit.drop_paths[1].register_forward_hook(
        lambda _, given, out: kept.append((out != 0).flatten(1).float().mean(dim=1))
    )
    torch.manual_seed(0)
    for _ in range(20):
        vit(images())
    kept = torch.cat(kept)
    assert set(kept.tolist()) == {0.0, 1.0}
    assert 5 < kept.sum() < 35


@pytest.mark.parametrize(
    'blocks, expected',
    [(12, {2, 5, 8, 11}), (24, {5, 11, 17, 23}), (32, {7, 15, 23, 31}), (2, {0, 1}), (1, {0})],
)
def test_the_last_of_each_quarter_is_global(blocks, expected):
    vit = WindowedVisionTransformer(**SIZES | dict(arch=ARCH | dict(num_layers=blocks)))
    assert vit.global_blocks == expected and vit.window_size == 14


def test_what_is_not_used_has_no_gradient():
    """A parameter that expects one and gets none stops distributed training."""
    vit = windowed()
    vit.train()
    vit(images())[0].square().sum().backward()
    names = {name for name, p in vit.named_parameters() if p.requires_grad and p.grad is None}
    assert not names
    assert not vit.cls_token.requires_grad and vit.cls_token.grad is None
    assert (vit.pos_embed.grad[:, 0] == 0).all() and (vit.pos_embed.grad[:, 1:] != 0).any()


def test_layer_decay_knows_its_depths():
    model = nn.Module()
    model.backbone = WindowedVisionTransformer(**SIZES, window_size=2)
    model.head = nn.Linear(8, 2)
    constructor = LayerDecayOptimWrapperConstructor(
        dict(optimizer=dict(type='AdamW', lr=1.0, weight_decay=0.1)), dict(layer_decay_rate=0.5)
    )
    rates = {
        name: group['lr']
        for group in constructor(model).optimizer.param_groups
        for name in group['names']
    }
    assert rates['backbone.pos_embed'] == rates['backbone.patch_embed.projection.weight'] == 0.5**4
    assert [rates[f'backbone.layers.{i}.attn.qkv.weight'] for i in range(3)] == [
        1 / 8,
        1 / 4,
        1 / 2,
    ]
    assert rates['backbone.ln1.weight'] == rates['head.weight'] == 1.0
    assert 'backbone.cls_token' not in rates


@pytest.mark.parametrize(
    'options, message',
    [
        (dict(out_type='raw'), "out_type='featmap', not 'raw'"),
        (dict(window_size=0), 'at least 1, got 0'),
        (dict(global_blocks=[0, 3]), 'global_blocks has 3, of 3 blocks'),
        (dict(relative_positions='table'), "must be 'shared' or 'decomposed', got 'table'"),
    ],
)
def test_arguments_that_mean_nothing(options, message):
    with pytest.raises(ValueError, match=message):
        WindowedVisionTransformer(**SIZES, **options)


def test_a_checkpoint_of_a_plain_vit_fills_it(tmp_path):
    plain = VisionTransformer(**SIZES)
    for parameter in plain.parameters():
        parameter.data.normal_()
    torch.save(plain.state_dict(), tmp_path / 'plain.pth')
    init_cfg = dict(type='Pretrained', checkpoint=str(tmp_path / 'plain.pth'))
    with DefaultScope.overwrite_default_scope('mmdet'):
        vit = MODELS.build(
            dict(type='mmpretrain.WindowedVisionTransformer', **SIZES, init_cfg=init_cfg)
        )
        vit.init_weights()
    for name, value in plain.state_dict().items():
        assert torch.equal(vit.state_dict()[name], value), name
