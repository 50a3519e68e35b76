# GPA at the demo's size by a frozen teacher, as the paper has it: the demo's MAE, trained before.
#     --cfg-options model.scorer.backbone.init_cfg.checkpoint=FILE
_base_ = 'gpa_vit-demo_material-scenes.py'

model = dict(
    scorer=dict(
        type='FrozenScorer',
        backbone=dict(
            type='VisionTransformer',
            out_type='raw',
            init_cfg=dict(type='Pretrained', checkpoint='SET-ME', source='auto'),
            **_base_.demo_backbone,
        ),
    ),
)
