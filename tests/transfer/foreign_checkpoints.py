"""Files of other projects, each as that project writes it, with the features of its own model.

A case is built by a function that writes its file into a folder and returns a :class:`Foreign`.
"""

from __future__ import annotations

import argparse
import shutil
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import timm
import torch
from mmpretrain.registry import MODELS
from safetensors.torch import load_file, save_file
from tiny_backbones import below, randomise
from torch import Tensor, nn

GOLDEN = Path(__file__).parent / 'hugging_face'
WIDTH, DEPTH, HEADS, PATCH, SIZE = 12, 2, 3, 8, 32
ARCH = dict(embed_dims=WIDTH, num_layers=DEPTH, num_heads=HEADS, feedforward_channels=4 * WIDTH)
VIT = dict(type='mmpretrain.VisionTransformer', arch=ARCH, img_size=SIZE, patch_size=PATCH)
SWIN = dict(
    type='mmpretrain.SwinTransformer',
    arch=dict(embed_dims=8, depths=[1, 2, 1, 1], num_heads=[1, 2, 2, 4]),
    img_size=128,
    window_size=4,
)


@dataclass
class Foreign:
    """A file of another project.

    Attributes:
        path: The file.
        backbone: Config of mmpretrain's backbone that it is for.
        images: (B, 3, H, W).
        features: (B, N, C) behind each block of the source's own model.
        label: What the log calls it.
        init_cfg: Options of the initialiser.
    """

    path: Path
    backbone: dict
    images: Tensor
    features: list[Tensor]
    label: str
    init_cfg: dict = field(default_factory=dict)


def block_outputs(blocks, model: nn.Module, images: Tensor) -> list[Tensor]:
    """(B, N, C) behind each block."""
    outputs = []
    hooks = [b.register_forward_hook(lambda _, __, out: outputs.append(out)) for b in blocks]
    model.eval()
    with torch.no_grad():
        model(images)
    for hook in hooks:
        hook.remove()
    return [out.flatten(1, -2) for out in outputs]


def noise(size: int = SIZE) -> Tensor:
    return torch.randn(2, 3, size, size, generator=torch.Generator().manual_seed(7))


def timm_vit(name: str = 'vit_tiny_patch16_224', **options) -> nn.Module:
    shape = dict(img_size=SIZE, patch_size=PATCH, embed_dim=WIDTH, depth=DEPTH, num_heads=HEADS)
    return randomise(timm.create_model(name, num_classes=5, **{**shape, **options}), 0)


def _case(folder, model, content, label, backbone=None, name='file.pth', **init_cfg) -> Foreign:
    """Write ``content`` and compute the features of timm's ``model``."""
    path = folder / name
    if name.endswith('.safetensors'):
        save_file(content, path)
    else:
        torch.save(content, path)
    features = block_outputs(model.blocks, model, noise())
    return Foreign(path, {**VIT, **(backbone or {})}, noise(), features, label, init_cfg)


def _args(**options) -> argparse.Namespace:
    return argparse.Namespace(output_dir=Path('out'), lr=1e-3, **options)


def dino(folder: Path) -> Foreign:
    """A full training checkpoint: both networks with heads, the student's in DDP, options."""
    student, teacher = timm_vit(), randomise(timm_vit(), 1)
    student.head, teacher.head = nn.Identity(), nn.Identity()
    head = {'head.mlp.0.weight': torch.zeros(3, 3), 'head.last_layer.weight_g': torch.zeros(3, 1)}
    content = dict(
        student={f'module.{k}': v for k, v in {**below('backbone.', student), **head}.items()},
        teacher={**below('backbone.', teacher), **head},
        optimizer=dict(state={0: dict(step=1)}, param_groups=[dict(lr=0.1, params=[0])]),
        epoch=100,
        args=_args(arch='vit_tiny'),
        dino_loss=OrderedDict(center=torch.zeros(1, 3)),
    )
    return _case(folder, teacher, content, 'teacher, timm ViT')


def dino_student(folder: Path) -> Foreign:
    student = timm_vit()
    case = dino(folder)
    case.features = block_outputs(student.blocks, student, noise())
    case.init_cfg, case.label = dict(source='student'), 'student, timm ViT'
    return case


def ibot(folder: Path) -> Foreign:
    """iBOT's and AttMask's: the student has a mask token of its own name."""
    teacher = timm_vit()
    teacher.head = nn.Identity()
    student = {
        **below('module.backbone.', teacher),
        'module.backbone.masked_embed': torch.zeros(1, WIDTH),
    }
    content = dict(
        student=student,
        teacher=below('module.backbone.', teacher),
        epoch=1,
        args=_args(arch='vit_tiny'),
    )
    return _case(folder, teacher, content, 'teacher, timm ViT')


def ibot_student(folder: Path) -> Foreign:
    case = ibot(folder)
    case.init_cfg, case.label = dict(source='student'), 'student, iBOT'
    return case


def dino_backbone(folder: Path) -> Foreign:
    """Only the backbone, as published."""
    model = timm_vit()
    model.head = nn.Identity()
    return _case(folder, model, model.state_dict(), 'bare backbone, timm ViT')


def dino_backbone_below(folder: Path) -> Foreign:
    """As sliced from a checkpoint by hand: with prefixes left in."""
    model = timm_vit()
    model.head = nn.Identity()
    content = dict(state_dict=below('module.backbone.', model))
    return _case(folder, model, content, 'mmpretrain model, timm ViT')


def mae(folder: Path) -> Foreign:
    model = timm_vit()
    model.head = nn.Identity()
    decoder = {
        'mask_token': torch.zeros(1, 1, 6),  # the decoder's
        'decoder_pos_embed': torch.zeros(1, 17, 6),
        'decoder_embed.weight': torch.zeros(6, WIDTH),
        'decoder_blocks.0.attn.qkv.weight': torch.zeros(18, 6),
        'decoder_norm.weight': torch.zeros(6),
        'decoder_pred.bias': torch.zeros(192),
    }
    content = dict(model={**model.state_dict(), **decoder}, epoch=799, args=_args(model='mae_vit'))
    return _case(folder, model, content, 'bare backbone, MAE')


def ccmim(folder: Path) -> Foreign:
    """MAE's names with a projector."""
    case = mae(folder)
    content = torch.load(case.path, weights_only=False)
    content['model']['projector.0.weight'] = torch.zeros(4, WIDTH)
    content['model']['projector.1.running_mean'] = torch.zeros(4)
    torch.save(content, case.path)
    return case


def moco_v3(folder: Path) -> Foreign:
    model, momentum = timm_vit(), randomise(timm_vit(), 1)
    content = dict(
        epoch=300,
        arch='vit_small',
        state_dict={
            **below('module.base_encoder.', model),
            **below('module.momentum_encoder.', momentum),
            'module.predictor.0.weight': torch.zeros(2, 2),
        },
    )
    return _case(folder, model, content, 'student, timm ViT')


def deit(folder: Path) -> Foreign:
    model = timm_vit('deit_tiny_patch16_224')
    return _case(folder, model, dict(model=model.state_dict()), 'bare backbone, timm ViT')


def deit_distilled(folder: Path) -> Foreign:
    model = timm_vit('deit_tiny_distilled_patch16_224')
    backbone = dict(type='mmpretrain.DistilledVisionTransformer', out_type='featmap')
    return _case(
        folder, model, dict(model=model.state_dict()), 'bare backbone, distilled DeiT', backbone
    )


def deit3(folder: Path) -> Foreign:
    """DeiT III's: layer scale by names of its own, no position for the CLS token."""
    model = timm_vit(init_values=1.0, no_embed_class=True)
    content = {
        name.replace('ls1.gamma', 'gamma_1').replace('ls2.gamma', 'gamma_2'): value
        for name, value in model.state_dict().items()
    }
    backbone = dict(layer_scale_init_value=1.0)
    return _case(folder, model, dict(model=content), 'bare backbone, timm ViT', backbone)


def beit(folder: Path, **options) -> Foreign:
    model = timm_vit('beit_base_patch16_224', init_values=1.0, **options)
    index = torch.zeros(17, 17, dtype=torch.long)
    content = {**model.state_dict(), 'blocks.0.attn.relative_position_index': index}
    backbone = dict(type='mmpretrain.BEiTViT', layer_scale_init_value=1.0)
    return _case(folder, model, dict(model=content), 'bare backbone, BEiT', backbone)


def beit_shared(folder: Path) -> Foreign:
    """Pre-trained with one table for all blocks, fine-tuned with one for each."""
    return beit(folder, use_rel_pos_bias=False, use_shared_rel_pos_bias=True)


def beit_v2(folder: Path) -> Foreign:
    """Pre-training: a shared table, and a second decoder whose blocks are named like blocks."""
    case = beit_shared(folder)
    content = torch.load(case.path)['model']
    for name in [name for name in content if name.startswith('blocks.0.')]:
        content[name.replace('blocks.0.', 'cls_pt_layers.0.')] = torch.zeros_like(content[name])
    content |= {'cls_pt_norm.weight': torch.zeros(WIDTH), 'cls_pt_lm_head.bias': torch.zeros(5)}
    torch.save(dict(model=content), case.path)
    case.label = 'bare backbone, BEiT v2'
    return case


def cae(folder: Path) -> Foreign:
    """Pre-training: its encoder is evaluated, not the teacher of its regressor."""
    case = beit(folder, use_rel_pos_bias=False, use_abs_pos_emb=True)
    encoder = torch.load(case.path)['model']
    content = {f'encoder.{name}': value for name, value in encoder.items()}
    content |= {f'teacher.{name}': torch.zeros_like(value) for name, value in encoder.items()}
    content |= {'mask_token': torch.zeros(1, 1, WIDTH), 'pretext_neck.norm.bias': torch.zeros(3)}
    options = argparse.Namespace(imagenet_default_mean_and_std=True)
    torch.save(dict(model=content, args=options), case.path)
    case.backbone |= dict(use_abs_pos_emb=True, use_rel_pos_bias=False)
    case.label = 'student, BEiT'
    return case


def timm_safetensors(folder: Path) -> Foreign:
    model = timm_vit()
    return _case(
        folder, model, model.state_dict(), 'bare backbone, timm ViT', name='model.safetensors'
    )


def timm_layer_scale(folder: Path) -> Foreign:
    model = timm_vit(init_values=1.0)
    backbone = dict(layer_scale_init_value=1.0)
    return _case(folder, model, model.state_dict(), 'bare backbone, timm ViT', backbone)


def timm_mean_pooled(folder: Path) -> Foreign:
    """Another name for the norm, behind the pooling."""
    model = timm_vit(global_pool='avg', class_token=True)
    backbone = dict(out_type='avg_featmap', final_norm=False)
    return _case(folder, model, model.state_dict(), 'bare backbone, timm ViT', backbone)


def compiled_and_sharded(folder: Path) -> Foreign:
    """Names with the parts that torch.compile, FSDP and DDP add."""
    model = timm_vit()
    content = {
        f'module._orig_mod.{name}'.replace('blocks.0.', 'blocks.0._fsdp_wrapped_module.'): value
        for name, value in model.state_dict().items()
    }
    return _case(folder, model, dict(model_state=content), 'bare backbone, timm ViT')


def dinov2(folder: Path) -> Foreign:
    """Published backbone: mask token (1, C), layer scale."""
    model = timm_vit(init_values=1.0)
    model.head = nn.Identity()
    content = {**model.state_dict(), 'mask_token': torch.zeros(1, WIDTH)}
    return _case(folder, model, content, 'bare backbone, DINOv2', dict(layer_scale_init_value=1.0))


def dinov2_registers_swiglu(folder: Path) -> Foreign:
    """Registers behind a CLS token that has a position; gated MLPs."""
    hidden = 4 * WIDTH * 2 // 3  # 32, a multiple of 8
    model = timm_vit(
        init_values=1.0,
        reg_tokens=4,
        mlp_layer=timm.layers.SwiGLUPacked,
        act_layer=nn.SiLU,
        mlp_ratio=2 * hidden / WIDTH,
        no_embed_class=True,
    )
    model.head = nn.Identity()
    row = torch.full((1, 1, WIDTH), 0.3)
    names = dict(fc1='w12', fc2='w3')
    content = {}
    for name, value in model.state_dict().items():
        for theirs, own in names.items():
            name = name.replace(f'mlp.{theirs}', f'mlp.{own}')
        content[name.replace('reg_token', 'register_tokens')] = value
    content['pos_embed'] = torch.cat([row, content['pos_embed']], dim=1)
    content['cls_token'] = content['cls_token'] - row
    content['mask_token'] = torch.zeros(1, WIDTH)
    backbone = dict(
        type='mmpretrain.RegisterVisionTransformer',
        layer_scale_init_value=1.0,
        layer_cfgs=dict(ffn_type='swiglu_fused'),
    )
    return _case(folder, model, content, 'bare backbone, DINOv2', backbone)


def timm_registers(folder: Path) -> Foreign:
    """timm's own form of the same: no position for the CLS token, another name."""
    model = timm_vit(init_values=1.0, reg_tokens=4, no_embed_class=True)
    backbone = dict(type='mmpretrain.RegisterVisionTransformer', layer_scale_init_value=1.0)
    return _case(folder, model, model.state_dict(), 'bare backbone, timm ViT', backbone)


def dinov2_training(folder: Path) -> Foreign:
    """A full training checkpoint: blocks in chunks, numbered through."""
    case = dinov2(folder)
    tensors = {
        name.replace('blocks.0.', 'blocks.0.0.').replace('blocks.1.', 'blocks.1.1.'): value
        for name, value in torch.load(case.path).items()
    }
    content = {
        **{f'teacher.backbone.{k}': v for k, v in tensors.items()},
        **{f'student.backbone.{k}': torch.zeros_like(v) for k, v in tensors.items()},
        'teacher.dino_head.mlp.0.weight': torch.zeros(2, 2),
    }
    torch.save(dict(model=content, iteration=9), case.path)
    case.label = 'teacher, DINOv2, in chunks'
    return case


def _golden(folder: Path, name: str, label: str, **backbone) -> Foreign:
    """Files and features that Hugging Face's own models wrote."""
    shutil.copytree(GOLDEN / name, folder, dirs_exist_ok=True)
    features = load_file(GOLDEN / name / 'features.safetensors')
    arch = dict(embed_dims=8, num_layers=2, num_heads=2, feedforward_channels=16)
    return Foreign(
        folder / 'model.safetensors',
        dict(VIT, arch=arch, img_size=16, patch_size=4, **backbone),
        features.pop('images'),
        [features[f'block{index}'] for index in range(2)],
        label,
    )


def hugging_face_vit(folder: Path) -> Foreign:
    norm = dict(type='LN', eps=1e-12)
    label = 'Hugging Face vit model, Hugging Face ViT'
    case = _golden(folder, 'vit', label, norm_cfg=norm)
    case.features.pop()  # the last of its states has passed the final norm
    return case


def hugging_face_dinov2(folder: Path) -> Foreign:
    return _golden(
        folder, 'dinov2', 'bare backbone, Hugging Face DINOv2', layer_scale_init_value=1.0
    )


def hugging_face_dinov2_registers(folder: Path) -> Foreign:
    case = _golden(
        folder,
        'dinov2_registers',
        'Hugging Face dinov2_with_registers model, Hugging Face DINOv2',
        layer_scale_init_value=1.0,
        num_registers=3,
        layer_cfgs=dict(ffn_type='swiglu_fused'),
    )
    case.backbone['type'] = 'mmpretrain.RegisterVisionTransformer'
    return case


def mmseg_vit(folder: Path) -> Foreign:
    """A segmenter with mmseg's own ViT."""
    from mmseg.models.backbones import VisionTransformer

    model = VisionTransformer(
        img_size=SIZE, patch_size=PATCH, embed_dims=WIDTH, num_layers=DEPTH, num_heads=HEADS
    )
    model = randomise(model, 0)
    head = {'decode_head.conv_seg.weight': torch.zeros(2, WIDTH, 1, 1)}
    text = f"""
default_scope = 'mmseg'
model = dict(backbone=dict(type='VisionTransformer', img_size=({SIZE}, {SIZE}),
    patch_size={PATCH}, embed_dims={WIDTH}, num_layers={DEPTH}, num_heads={HEADS}))
"""
    content = dict(state_dict={**below('backbone.', model), **head}, meta=dict(cfg=text))
    torch.save(content, folder / 'file.pth')
    return Foreign(
        folder / 'file.pth',
        dict(VIT, norm_cfg=dict(type='LN', eps=1e-5), final_norm=False),
        noise(),
        block_outputs(model.layers, model, noise()),
        'mmpretrain model, mmseg ViT',
    )


def mmpretrain_model(folder: Path) -> Foreign:
    """Also mmselfsup's 1.x, mmcls's and mmselfsup's 0.x (whose config is called otherwise)."""
    model = randomise(MODELS.build(VIT), 0)
    text = f'model = dict(type="ImageClassifier", backbone={dict(VIT, type="VisionTransformer")})'
    content = dict(
        state_dict=below('backbone.', model), meta=dict(config=text, mmcls_version='0.25')
    )
    torch.save(content, folder / 'file.pth')
    features = block_outputs(model.layers, model, noise())
    return Foreign(folder / 'file.pth', VIT, noise(), features, 'mmpretrain model')


def _two_networks(folder: Path, student: str, teacher: str, source: str) -> Foreign:
    """mmpretrain's names below two prefixes; the other network than ``source`` is zero."""
    case = mmpretrain_model(folder)
    backbone = torch.load(case.path)['state_dict']
    content = {}
    for side, prefix in (('student', student), ('teacher', teacher)):
        for name, value in backbone.items():
            value = value if side == source else torch.zeros_like(value)
            content[name.replace('backbone.', prefix)] = value
    torch.save(dict(state_dict=content, meta=dict(mmselfsup_version='0.9')), case.path)
    case.label = source
    return case


def mmselfsup_moco_v3(folder: Path) -> Foreign:
    """0.x: both encoders are sequences of backbone and neck."""
    return _two_networks(folder, 'base_encoder.0.', 'momentum_encoder.0.', 'student')


def mmselfsup_byol(folder: Path) -> Foreign:
    """0.x, likewise."""
    return _two_networks(folder, 'online_net.0.', 'target_net.0.', 'student')


def mmselfsup_byol_teacher(folder: Path) -> Foreign:
    case = _two_networks(folder, 'online_net.0.', 'target_net.0.', 'teacher')
    case.init_cfg = dict(source='teacher')
    return case


def mmpretrain_target_network(folder: Path) -> Foreign:
    """BYOL's: an averaged model around a sequence."""
    case = _two_networks(folder, 'backbone.', 'target_net.module.0.', 'teacher')
    case.init_cfg = dict(source='teacher')
    return case


def self_distillation(folder: Path) -> Foreign:
    """This project's: the teacher counts."""
    case = mmpretrain_model(folder)
    tensors = torch.load(case.path)['state_dict']
    content = {f'teacher.{name}': value for name, value in tensors.items()}
    content |= {name: torch.zeros_like(value) for name, value in tensors.items()}
    content['backbone.mask_token'] = torch.zeros(1, 1, WIDTH)
    torch.save(dict(state_dict=content, meta=dict()), case.path)
    case.label = 'teacher'
    return case


def _swin_case(folder: Path, model: nn.Module, content: dict, label: str) -> Foreign:
    path = folder / 'file.pth'
    torch.save(content, path)
    stages = model.layers if hasattr(model, 'layers') else model.stages
    blocks = [block for stage in stages for block in stage.blocks]
    features = block_outputs(blocks, model, noise(128))
    return Foreign(path, SWIN, noise(128), features, label)


def _timm_swin(depths: tuple[int, ...] = SWIN['arch']['depths'], eps: float = 1e-5) -> nn.Module:
    arch = SWIN['arch']
    model = timm.create_model(
        'swin_tiny_patch4_window7_224',
        img_size=128,
        window_size=4,
        embed_dim=arch['embed_dims'],
        depths=depths,
        num_heads=arch['num_heads'],
        num_classes=5,
        norm_layer=partial(nn.LayerNorm, eps=eps),
    )
    return randomise(model, 0)


def timm_swin(folder: Path, depths: tuple[int, ...] = SWIN['arch']['depths']) -> Foreign:
    model = _timm_swin(depths)
    case = _swin_case(folder, model, model.state_dict(), 'bare backbone, timm Swin')
    case.backbone = dict(case.backbone, arch=dict(SWIN['arch'], depths=list(depths)))
    return case


def swin(folder: Path, eps: float = 1e-5) -> Foreign:
    """Swin's own: down-sampling ends a stage, masks and indices are in the file."""
    model = _timm_swin(eps=eps)
    content = {}
    for name, value in model.state_dict().items():
        for stage in (1, 2, 3):
            name = name.replace(f'layers.{stage}.downsample', f'layers.{stage - 1}.downsample')
        content[name.replace('head.fc', 'head')] = value
    content['layers.0.blocks.0.attn.relative_position_index'] = torch.zeros(16, 16)
    content['layers.0.blocks.1.attn_mask'] = torch.zeros(64, 16, 16)
    return _swin_case(folder, model, dict(model=content), 'bare backbone, Swin')


def ibot_swin_student(folder: Path) -> Foreign:
    """iBOT's own Swin, with a mask token and an epsilon of its own."""
    case = swin(folder, eps=1e-6)
    content = torch.load(case.path)['model']
    content['masked_embed'] = torch.zeros(1, 8)
    student = {f'module.backbone.{name}': value for name, value in content.items()}
    teacher = {f'backbone.{name}': torch.zeros_like(value) for name, value in content.items()}
    torch.save(dict(student=student, teacher=teacher), case.path)
    norm = dict(norm_cfg=dict(type='LN', eps=1e-6))
    stages = dict(block_cfgs=norm, downsample_cfg=norm)
    case.backbone = dict(case.backbone, patch_cfg=norm, stage_cfgs=stages, **norm)
    case.init_cfg, case.label = dict(source='student'), 'student, iBOT Swin'
    return case


def mmdet_swin(folder: Path, package: str = 'mmdet.models') -> Foreign:
    """A detector with mmdet's own Swin, all of whose stages have an output norm."""
    import importlib

    arch = SWIN['arch']
    kind = importlib.import_module(package).SwinTransformer
    model = kind(
        embed_dims=arch['embed_dims'],
        depths=arch['depths'],
        num_heads=arch['num_heads'],
        window_size=4,
    )
    # its blocks give (B, L, C), like ours
    content = dict(state_dict=below('backbone.', randomise(model, 0)))
    return _swin_case(folder, model, content, 'mmpretrain model')


def mmseg_swin(folder: Path) -> Foreign:
    return mmdet_swin(folder, 'mmseg.models.backbones')


CASES: tuple[Callable[[Path], Foreign], ...] = (
    self_distillation,
    mmpretrain_model,
    mmselfsup_moco_v3,
    mmselfsup_byol,
    mmselfsup_byol_teacher,
    mmpretrain_target_network,
    dino,
    dino_student,
    ibot,
    ibot_student,
    dino_backbone,
    dino_backbone_below,
    mae,
    ccmim,
    moco_v3,
    deit,
    deit_distilled,
    deit3,
    beit,
    beit_shared,
    beit_v2,
    cae,
    timm_safetensors,
    timm_layer_scale,
    timm_mean_pooled,
    timm_registers,
    compiled_and_sharded,
    dinov2,
    dinov2_registers_swiglu,
    dinov2_training,
    hugging_face_vit,
    hugging_face_dinov2,
    hugging_face_dinov2_registers,
    mmseg_vit,
    timm_swin,
    swin,
    ibot_swin_student,
    mmdet_swin,
    mmseg_swin,
)
