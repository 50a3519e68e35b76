"""The detectors' configs are held to the values that the papers state."""

from pathlib import Path

import pytest

from mmmask.config.read import read_config

FOLDER = Path(__file__).parents[2] / 'configs' / 'transfer' / 'mmdet'
MULTI_SCALE = {(1333, short) for short in range(480, 801, 32)}
SMALL = dict(embed_dims=384, num_layers=12, num_heads=6, feedforward_channels=1536)
BASE = dict(embed_dims=768, num_layers=12, num_heads=12, feedforward_channels=3072)

# What every row states: optimiser, layer decay, epochs of drops, batch; backbone and drop path.
ROWS = {
    # AttMask, Table 6 and "Evaluation Details"; layer decay and drop path are iBOT's (ViT-S: its
    # file's; ViT-B: drop path of its file, layer decay of its command for 12 epochs).
    'cascade-mask-rcnn_vit-small-p16_8xb2-1x_coco': (1e-4, 0.05, 0.75, [9, 11], 16, SMALL, 0.1),
    'cascade-mask-rcnn_vit-base-p16_8xb2-1x_coco': (1e-4, 0.05, 0.75, [9, 11], 16, BASE, 0.2),
    # ccMIM, Table 2 and "Object detection and segmentation on MS-COCO"; weight decay: CAE's file.
    'mask-rcnn_vit-small-p16_16xb2-1x_coco': (3e-4, 0.05, 0.75, [9, 11], 32, SMALL, 0.1),
    'mask-rcnn_vit-base-p16_16xb2-1x_coco': (3e-4, 0.05, 0.75, [9, 11], 32, BASE, 0.2),
    # GPA, Table 2: 1x, 1024; the others are ViTDet's.
    'mask-rcnn-vitdet_vit-small-p16_32xb2-1x_coco-1024px': (
        1e-4,
        0.1,
        0.7,
        [8, 11],
        64,
        SMALL,
        0.1,
    ),
    'mask-rcnn-vitdet_vit-base-p16_32xb2-1x_coco-1024px': (1e-4, 0.1, 0.7, [8, 11], 64, BASE, 0.1),
    # MST, Table 2: Swin's hyper-parameters.
    'mask-rcnn_swin-tiny_8xb2-1x_coco': (1e-4, 0.05, None, [8, 11], 16, 'tiny', 0.1),
    # No row of a paper's; AttMask's schedule.
    'mask-rcnn-sfp_vit-small-p16_8xb2-1x_coco': (1e-4, 0.05, 0.75, [9, 11], 16, SMALL, 0.1),
}


def read(name):
    return read_config(str(FOLDER / f'{name}.py'))


def scales(pipeline):
    """Every size that a pipeline resizes to, also in its branches."""
    found = set()
    for step in pipeline:
        if step['type'] == 'RandomChoice':
            found |= {scale for branch in step['transforms'] for scale in scales(branch[-1:])}
        if 'Resize' in step['type']:
            given = step['scales'] if 'scales' in step else [step['scale']]
            found |= {(max(scale), min(scale)) for scale in given}
    return found


def test_every_config_is_held_to_values():
    assert {path.stem for path in FOLDER.glob('*.py')} == set(ROWS)


@pytest.mark.parametrize('name, values', ROWS.items())
def test_schedule_and_backbone(name, values):
    lr, weight_decay, layer_decay, drops, batch, arch, drop_path = values
    cfg = read(name)
    optimizer = dict(cfg.optim_wrapper.optimizer)
    assert optimizer == dict(type='AdamW', lr=lr, betas=(0.9, 0.999), weight_decay=weight_decay)
    assert cfg.optim_wrapper.paramwise_cfg.get('layer_decay_rate') == layer_decay
    assert (layer_decay is None) == ('constructor' not in cfg.optim_wrapper)
    assert cfg.train_cfg.max_epochs == 12 and cfg.train_cfg.val_interval == 1
    warm_up, steps = cfg.param_scheduler
    assert (steps.type, steps.milestones, steps.gamma, steps.end) == ('MultiStepLR', drops, 0.1, 12)
    assert (warm_up.type, warm_up.by_epoch, warm_up.start_factor) == ('LinearLR', False, 0.001)
    assert cfg.auto_scale_lr.base_batch_size == batch and cfg.train_dataloader.batch_size == 2
    backbone = cfg.model.backbone
    assert (backbone.arch, backbone.drop_path_rate) == (arch, drop_path)
    if layer_decay is not None:  # as detectors of plain ViTs, but with the images' own grids
        assert (backbone.final_norm, backbone.img_size) == (False, 224)
    assert backbone.init_cfg == dict(type='Pretrained', checkpoint='SET-ME', source='auto')
    assert cfg.custom_imports.imports == ['mmmask'] and cfg.default_scope == 'mmdet'


@pytest.mark.parametrize('name', ROWS)
def test_data(name):
    """COCO 2017, 80 classes; longer sides of 1333 at most, or 1024 x 1024."""
    cfg = read(name)
    dataset = cfg.train_dataloader.dataset
    if 'vitdet' in name:
        assert dataset.times == 1
        dataset = dataset.dataset
    assert dataset.ann_file == 'annotations/instances_train2017.json'
    assert dataset.data_root == cfg.val_dataloader.dataset.data_root == 'data/coco/'
    assert cfg.val_dataloader.dataset.ann_file == 'annotations/instances_val2017.json'
    assert cfg.val_evaluator.metric == ['bbox', 'segm']
    heads = cfg.model.roi_head.bbox_head
    heads = heads if isinstance(heads, list) else [heads]
    assert (
        {head.num_classes for head in heads} == {cfg.model.roi_head.mask_head.num_classes} == {80}
    )
    training, validation = scales(dataset.pipeline), scales(cfg.val_dataloader.dataset.pipeline)
    if 'vitdet' in name:
        assert training == validation == {(1024, 1024)}
    else:
        assert (training, validation) == (MULTI_SCALE, {(1333, 800)})
    assert cfg.test_dataloader == cfg.val_dataloader


def check_box_head(head):
    """Four convolutions with SyncBN, one linear layer; GIoU x 10 of decoded boxes, by class."""
    assert head.type == 'Shared4Conv1FCBBoxHead'
    assert head.norm_cfg == dict(type='SyncBN', requires_grad=True)
    assert head.loss_bbox == dict(type='GIoULoss', loss_weight=10.0)
    assert head.reg_decoded_bbox and not head.reg_class_agnostic
    assert (head.in_channels, head.fc_out_channels) == (256, 1024)


def test_cascade_is_ibot_s():
    """Blocks 3, 5, 7, 11; 4conv1fc heads; GIoU x 10 of decoded boxes, for each class."""
    for size, width in (('small', 384), ('base', 768)):
        model = read(f'cascade-mask-rcnn_vit-{size}-p16_8xb2-1x_coco').model
        assert model.type == 'CascadeRCNN'
        assert model.backbone.out_indices == [3, 5, 7, 11]
        pyramid, fpn = model.neck
        assert (pyramid.type, pyramid.in_channels) == ('mmpretrain.BlockFeaturePyramid', width)
        assert (fpn.type, fpn.in_channels) == ('FPN', [width] * 4)
        thresholds = [stage.assigner.pos_iou_thr for stage in model.train_cfg.rcnn]
        assert thresholds == [0.5, 0.6, 0.7] and len(model.roi_head.bbox_head) == 3
        deviations = []
        for head in model.roi_head.bbox_head:
            check_box_head(head)
            deviations.append(head.bbox_coder.target_stds[0])
        assert deviations == [0.1, 0.05, 0.033]


def test_ccmim_s_detector_is_cae_s():
    """CAE's set-up: Mask R-CNN, levels from blocks 3, 5, 7 and 11, an FPN, its file's box head."""
    for size, width in (('small', 384), ('base', 768)):
        model = read(f'mask-rcnn_vit-{size}-p16_16xb2-1x_coco').model
        assert (model.type, model.backbone.out_indices) == ('MaskRCNN', [3, 5, 7, 11])
        assert [part.in_channels for part in model.neck] == [width, [width] * 4]
        check_box_head(model.roi_head.bbox_head)
        assert model.roi_head.bbox_head.bbox_coder.target_stds == [0.1, 0.1, 0.2, 0.2]
        assert model.roi_head.mask_head.get('norm_cfg') is None


def test_vitdet_s_detector():
    """ViTDet, Sec. 3 and its appendix: windows of 14, global blocks by default the last ones."""
    for size, width in (('small', 384), ('base', 768)):
        cfg = read(f'mask-rcnn_vitdet-{size}-p16_32xb2-1x_coco-1024px')
        model = cfg.model
        assert model.backbone.type == 'mmpretrain.WindowedVisionTransformer'
        assert model.backbone.window_size == 14 and 'global_blocks' not in model.backbone
        assert (model.neck.type, model.neck.in_channels) == (
            'mmpretrain.SimpleFeaturePyramid',
            width,
        )
        assert model.roi_head.bbox_head.type == 'Shared4Conv1FCBBoxHead'
        norms = [model.roi_head[head].norm_cfg.type for head in ('bbox_head', 'mask_head')]
        assert norms == ['mmpretrain.LN2d'] * 2
        assert model.rpn_head.num_convs == 2
        assert model.data_preprocessor.pad_size_divisor == 1024
        jitter, crop = cfg.train_dataloader.dataset.dataset.pipeline[2:4]
        assert jitter.ratio_range == (0.1, 2.0) and crop.crop_size == (1024, 1024)
        assert cfg.optim_wrapper.paramwise_cfg.custom_keys == dict(pos_embed=dict(decay_mult=0.0))
        assert cfg.param_scheduler[0].end == 250


def test_swin_decays_no_norms_and_tables():
    cfg = read('mask-rcnn_swin-tiny_8xb2-1x_coco')
    keys = cfg.optim_wrapper.paramwise_cfg.custom_keys
    without = {key for key, value in keys.items() if value == dict(decay_mult=0.0)}
    assert without == {'absolute_pos_embed', 'relative_position_bias_table', 'norm'}
    assert cfg.model.backbone.type == 'mmpretrain.SwinTransformer'
    assert cfg.model.backbone.out_indices == (0, 1, 2, 3)
    assert cfg.model.neck.in_channels == [96, 192, 384, 768]
    assert cfg.param_scheduler[0].end == 1000
