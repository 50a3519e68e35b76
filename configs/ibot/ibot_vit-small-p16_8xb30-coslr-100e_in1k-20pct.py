# iBOT on 20 % of ImageNet-1k: AttMask's Table 1, random block-wise; the parent of its analysis.
_base_ = ['ibot_vit-small-p16_8xb30-coslr-100e_in1k.py', '../_base_/attmask_analysis.py']

train_dataloader = dict(
    dataset=dict(
        max_per_class=_base_.analysis['max_per_class'],
        pipeline=[
            dict(type='LoadImageFromFile'),
            dict(type='MultiCrop', num_local=_base_.analysis['num_local']),
            dict(type='PackInputs'),
        ],
    )
)
default_hooks = dict(
    schedule=dict(schedules=dict(momentum=dict(schedule=dict(start=_base_.analysis['momentum']))))
)
