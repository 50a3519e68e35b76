# GPA as a teacher on CAE at the demo's size, on the embedded data. No pre-trained ViT is at hand in
# a demo: the scores are the network's own, of its last block's last head.
_base_ = 'cae_vit-demo_material-scenes.py'

model = dict(
    type='GuidedCAE',
    backbone=dict(type='MaskedCAEViT'),
    masker=dict(type='SoftToHardMasker', ratio=0.385),
    scorer=dict(type='OnlineScorer', attention=dict(type='ReceivedAttentionTap')),
)
train_dataloader = dict(
    dataset=dict(
        pipeline=[step for step in _base_.train_pipeline if step['type'] != 'BEiTMaskGenerator']
    )
)
default_hooks = dict(
    schedule=dict(
        type='ScheduleHook',
        schedules=dict(
            progress=dict(
                path='model.masker.progress', by='epoch', schedule=dict(type='ProgressSchedule')
            )
        ),
    )
)
