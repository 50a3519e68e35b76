# GPA's teacher: a pre-trained, frozen ViT that scores the patches. The paper's is MAE's ViT-B/16,
# of which few shots choose head 11 of block 9, counted from 0 (Table 5). The checkpoint is yours to
# name: --cfg-options model.scorer.backbone.init_cfg.checkpoint=FILE.
gpa = dict(
    scorer=dict(
        type='FrozenScorer',
        backbone=dict(
            type='VisionTransformer',
            arch='base',
            patch_size=16,
            out_type='raw',
            init_cfg=dict(type='Pretrained', checkpoint='SET-ME', source='auto'),
        ),
        attention=dict(type='ReceivedAttentionTap', block=9, head=11),
    ),
    # t / T of Eq. 6, t counted in epochs from 1.
    progress=dict(path='model.masker.progress', by='epoch', schedule=dict(type='ProgressSchedule')),
)
