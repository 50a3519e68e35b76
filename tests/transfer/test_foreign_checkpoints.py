"""Every format x (mmpretrain, mmdet, mmseg): all tensors arrive, and features are the source's."""

from __future__ import annotations

import re

import pytest
import torch
from foreign_checkpoints import CASES, Foreign, beit, block_outputs, mae, timm_swin
from mmengine.registry import MODELS as ROOT
from mmengine.registry import DefaultScope, init_default_scope
from torch.nn.functional import interpolate

from mmmask.transfer import Allowed, compare_with_source, read_checkpoint, select_backbone
from mmmask.utils.errors import UserError

CLASSIFIER = dict(type='ImageClassifier')
DETECTOR = dict(
    type='RPN',
    neck=None,
    rpn_head=dict(
        type='RPNHead',
        feat_channels=4,
        anchor_generator=dict(type='AnchorGenerator', scales=[1], ratios=[1.0], strides=[8]),
    ),
    train_cfg=dict(rpn=dict()),
    test_cfg=dict(rpn=dict()),
)
SEGMENTER = dict(
    type='EncoderDecoder',
    decode_head=dict(type='FCNHead', channels=4, num_convs=1, num_classes=2, in_index=0),
    test_cfg=dict(mode='whole'),
)


def build(scope: str, case: Foreign):
    backbone = dict(
        case.backbone,
        init_cfg=dict(type='Pretrained', checkpoint=str(case.path), **case.init_cfg),
    )
    width = 8 * backbone['arch']['embed_dims'] if 'Swin' in backbone['type'] else None
    width = width or backbone['arch']['embed_dims']
    cfg = dict(dict(mmpretrain=CLASSIFIER, mmdet=DETECTOR, mmseg=SEGMENTER)[scope])
    for head in ('rpn_head', 'decode_head'):
        if head in cfg:
            cfg[head] = dict(cfg[head], in_channels=width)
            if 'Swin' not in backbone['type'] and backbone.get('out_type') != 'avg_featmap':
                backbone['out_type'] = 'featmap'
    init_default_scope(scope)
    with DefaultScope.overwrite_default_scope(scope):
        model = ROOT.build(dict(cfg, backbone=backbone))
        model.init_weights()
    return model


def relative_error(mine, theirs) -> float:
    return ((mine - theirs).abs().max() / theirs.abs().max()).item()


def blocks_of(backbone):
    if hasattr(backbone, 'stages'):
        return [block for stage in backbone.stages for block in stage.blocks]
    return backbone.layers


def compared(backbone, case: Foreign):
    """Beside timm's model with the file's tensors."""
    checkpoint = read_checkpoint(str(case.path))
    selection = select_backbone(checkpoint, case.init_cfg.get('source', 'auto'))
    allow = Allowed.parse(case.init_cfg.get('allow'))
    return compare_with_source(backbone, checkpoint, selection, allow=allow)


@pytest.mark.parametrize('scope', ['mmpretrain', 'mmdet', 'mmseg'])
@pytest.mark.parametrize('write', CASES, ids=lambda case: case.__name__)
def test_loads_whole_and_computes_the_same(write, scope, tmp_path, log):
    case = write(tmp_path)
    backbone = build(scope, case).backbone
    (line,) = [text for text in log if text.startswith('loaded ')]
    loaded, total = map(int, re.match(r'loaded (\d+) of (\d+) ', line).groups())
    left = [
        name for name in backbone.state_dict() if re.search(r'position_index$|^norm[012]', name)
    ]
    assert total == len(backbone.state_dict())
    assert loaded == total - (len(left) if 'left' in line else 0)
    assert f'({case.label})' in line
    mine = block_outputs(blocks_of(backbone), backbone, case.images)
    assert len(mine) >= len(case.features)
    for own, theirs in zip(mine, case.features, strict=False):
        assert relative_error(own, theirs) < 1e-5
    assert compared(backbone, case).equal
    with torch.no_grad():
        next(blocks_of(backbone)[-1].parameters()).add_(1.0)
    assert not compared(backbone, case).equal


@pytest.mark.parametrize('write', CASES, ids=lambda case: case.__name__)
def test_another_size(write, tmp_path, log):
    """Twice the grid: position embeddings and relative positions are interpolated, once."""
    case = write(tmp_path)
    source = dict(build('mmpretrain', case).backbone.named_parameters())
    log.clear()
    if 'Swin' in case.backbone['type']:
        case.backbone = dict(case.backbone, window_size=6)
        case.backbone['img_size'] = 192
    else:
        case.backbone = dict(case.backbone, img_size=2 * case.backbone['img_size'])
    backbone = build('mmpretrain', case).backbone
    (line,) = [text for text in log if text.startswith('loaded ')]
    assert 'resized' in line
    changed = 0
    for name, value in backbone.named_parameters():
        if value.shape == source[name].shape:
            assert torch.equal(value, source[name]) or name.startswith('norm'), name
            continue
        changed += 1
        if name == 'pos_embed':
            extra = backbone.num_extra_tokens
            assert torch.equal(value[:, :extra], source[name][:, :extra])
            coarse = grid(value[:, extra:], 2 * 4).unfold(2, 2, 2).unfold(3, 2, 2).mean((-1, -2))
            assert (
                relative_error(coarse, grid(source[name][:, extra:], 4)) < 0.3
            )  # the same picture
        elif 'w_msa' in name:
            expected = interpolate(table(source[name], 7), (11, 11), mode='bicubic')
            torch.testing.assert_close(table(value, 11), expected)
        else:  # BEiT: near offsets keep their values, CLS keeps its three
            assert torch.equal(value[-3:], source[name][-3:])
            near, centre = table(value[:-3], 15), table(source[name][:-3], 7)
            torch.testing.assert_close(near[..., 7, 7], centre[..., 3, 3])
            assert near.abs().max() < 2 * centre.abs().max()
    assert changed
    assert compared(backbone, case).equal


@pytest.mark.parametrize('pad_small_map', [False, True])
def test_swin_whose_last_map_is_a_window(pad_small_map, tmp_path):
    """Dense Swins shift a single window, too: they are compared where there are several."""
    case = timm_swin(tmp_path, depths=(1, 1, 1, 2))
    case.backbone = dict(case.backbone, pad_small_map=pad_small_map)
    backbone = build('mmdet', case).backbone
    mine = block_outputs(blocks_of(backbone), backbone, case.images)
    assert (relative_error(mine[-1], case.features[-1]) < 1e-5) is not pad_small_map
    assert compared(backbone, case).equal


@pytest.mark.parametrize('kind', [None, 'shared', 'decomposed'])
def test_windowed(kind, tmp_path):
    """ViTDet's blocks compute the same in a single window, of whatever size."""
    case = mae(tmp_path)
    case.backbone = dict(
        case.backbone, type='mmpretrain.WindowedVisionTransformer', img_size=64, window_size=3
    )
    if kind is not None:
        case.backbone['relative_positions'] = kind
        case.init_cfg = dict(allow=dict(missing=['*relative_positions.*']))
    backbone = build('mmdet', case).backbone
    comparison = compared(backbone, case)
    assert comparison.equal and comparison.size == (24, 24) and len(comparison.errors) == 2
    with torch.no_grad():
        backbone.layers[0].attn.qkv.weight[0] += 1.0
    assert not compared(backbone, case).equal
    if kind is not None:  # learnt since: no ViT of timm's has them
        for parameter in backbone.biases[0].parameters():
            torch.nn.init.ones_(parameter)
        with pytest.raises(UserError, match="can't hold .*relative_positions"):
            compared(backbone, case)


def test_a_missing_bias_of_the_patch_projection_is_missing(tmp_path):
    """Only mmseg's ViT has none."""
    case = mae(tmp_path)
    content = torch.load(case.path, weights_only=False)
    del content['model']['patch_embed.proj.bias']
    torch.save(content, case.path)
    with pytest.raises(UserError, match=r'1 missing in the file \(patch_embed.projection.bias\)'):
        build('mmpretrain', case)


def test_the_mask_token_of_mae_is_its_decoder_s(tmp_path, log):
    """Also where the decoder is as wide as the encoder."""
    case = mae(tmp_path)
    content = torch.load(case.path, weights_only=False)
    content['model']['mask_token'] = torch.full((1, 1, 12), 7.0)
    torch.save(content, case.path)
    case.backbone = dict(case.backbone, type='mmpretrain.MaskedVisionTransformer')
    assert not (build('mmpretrain', case).backbone.mask_token == 7).any()
    assert any('ignored 6 (decoder_' in text and 'mask_token' in text for text in log)


def test_new_relative_positions_are_on_both_sides(tmp_path):
    """CAE has none in pre-training, and may be fine-tuned with them; they don't begin as zero."""
    case = beit(tmp_path, use_rel_pos_bias=False, use_abs_pos_emb=True)
    case.backbone = dict(case.backbone, use_abs_pos_emb=True, use_rel_pos_bias=True)
    case.init_cfg = dict(allow=dict(missing=['layers.*.attn.relative_position_bias_table']))
    backbone = build('mmpretrain', case).backbone
    assert backbone.layers[0].attn.relative_position_bias_table.abs().max() > 0.01
    comparison = compared(backbone, case)
    assert comparison.equal and comparison.assumed[-1] == "2 tensors that the file hasn't"
    with torch.no_grad():
        backbone.layers[1].attn.q_bias += 1
    assert not compared(backbone, case).equal


def grid(embedding, side: int):
    """(1, L, C) -> (1, C, side, side)."""
    return embedding.unflatten(1, (side, side)).permute(0, 3, 1, 2)


def table(bias, side: int):
    """(N, H) -> (1, H, side, side)."""
    return bias.T.reshape(1, -1, side, side)
