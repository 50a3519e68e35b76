"""Tokens of any block, against the blocks run one by one."""

import pytest
import torch
from mmpretrain.registry import MODELS

from mmmask.models.tokens import TokenReader, last_blocks
from mmmask.utils.errors import UserError

ARCH = dict(embed_dims=12, num_layers=3, num_heads=2, feedforward_channels=24)
VIT = dict(arch=ARCH, img_size=16, patch_size=8)
SWIN = dict(arch=dict(embed_dims=4, depths=[1, 1], num_heads=[1, 1]), img_size=16, patch_size=2)


def build(type, **options):
    backbone = MODELS.build(dict(type=type, **options))
    generator = torch.Generator().manual_seed(1)
    for parameter in backbone.parameters():
        parameter.data.normal_(0, 0.3, generator=generator)
    backbone.eval()
    return backbone


def images():
    return torch.randn(2, 3, 16, 16, generator=torch.Generator().manual_seed(0))


def blocks_of(vit):
    """The tokens behind each block, by hooks."""
    kept = []
    hooks = [b.register_forward_hook(lambda _, __, out: kept.append(out)) for b in vit.layers]
    vit(images())
    for hook in hooks:
        hook.remove()
    return kept


@pytest.mark.parametrize('extra', [0, 1, 5], ids=['no CLS', 'CLS', 'CLS and registers'])
@torch.no_grad()
def test_any_token_of_any_block(extra):
    if extra == 5:
        vit = build('RegisterVisionTransformer', **VIT)
    else:
        vit = build('MaskedVisionTransformer', with_cls_token=extra == 1, **VIT)
    outputs = blocks_of(vit)
    for layer in (0, 1, 2, -1, -3):
        tokens, normed = outputs[layer], vit.ln1(outputs[layer])
        assert tokens.shape[1] == extra + 4
        expected = dict(
            patches=normed[:, extra:],
            gap_normed=sum(normed[:, extra + i] for i in range(4)) / 4,
            # Without a CLS token the norm comes before the mean.
            gap=sum((tokens if extra else normed)[:, extra + i] for i in range(4)) / 4,
        )
        if extra:
            expected['cls'] = normed[:, 0]
        found = TokenReader(vit, [(token, layer) for token in expected])(images())
        for tensor, value in zip(found, expected.values()):
            torch.testing.assert_close(tensor, value)
    if not extra:
        with pytest.raises(UserError, match="gives no 'cls'"):
            TokenReader(vit, [('cls', -1)])


@torch.no_grad()
def test_all_parts_come_from_one_pass_and_leave_no_trace():
    vit = build('mmpretrain.VisionTransformer', out_indices=[1], out_type='featmap', **VIT)
    before, calls = vit(images())[0], []
    vit.layers[0].register_forward_hook(lambda *_: calls.append(1))
    parts = [*last_blocks('cls', -1, 2), ('gap_normed', -1)]
    assert parts == [('cls', -2), ('cls', -1), ('gap_normed', -1)]
    found = TokenReader(vit, parts)(images())
    assert len(calls) == 1 and [len(part[0]) for part in found] == [12, 12, 12]
    torch.testing.assert_close(vit(images())[0], before, rtol=0, atol=0)


@pytest.mark.parametrize('kind', ['MaskedSwinTransformer', 'mmpretrain.SwinTransformer', 'ResNet'])
@torch.no_grad()
def test_stages_of_a_network_of_maps(kind):
    if kind == 'ResNet':
        network = build('ResNet', depth=18, stem_channels=4, base_channels=4)
        stages = [getattr(network, f'layer{i}') for i in (1, 2, 3, 4)]
    else:
        network = build(kind, window_size=4, out_indices=(1,), **SWIN)
        stages = list(network.stages)
    kept = []
    for stage in (stages[0], stages[-1]):
        stage.register_forward_hook(lambda _, __, out: kept.append(out))
    parts = [('gap', 0), ('patches', 0), ('gap', -1), ('patches', len(stages) - 1)]
    found = TokenReader(network, parts)(images())
    if kind == 'ResNet':
        first, last = (out.flatten(2).transpose(1, 2) for out in kept)
    else:
        first, last = kept[0][0], network.norm1(kept[1][0])
    for tensor, value in zip(found, (first.mean(dim=1), first, last.mean(dim=1), last)):
        torch.testing.assert_close(tensor, value)


def test_blocks_that_do_not_exist():
    vit = build('MaskedVisionTransformer', **VIT)
    for layer in (3, -4):
        with pytest.raises(UserError, match=f'layer = {layer}, but .* has 3 blocks'):
            TokenReader(vit, [('cls', layer)])
    with pytest.raises(UserError, match='n_blocks = 3, but there are 2 blocks up to 1'):
        last_blocks('cls', 1, 3)
