# iBOT, ViT-S/16, 300 epochs as AttMask's baseline (Table A13, Appendix B): batch 800, s = 0.32.
_base_ = 'ibot_vit-small-p16_8xb30-coslr-100e_in1k.py'

batch = 800
train_dataloader = dict(
    batch_size=batch // 8,
    dataset=dict(
        pipeline=[
            dict(type='LoadImageFromFile'),
            dict(type='MultiCrop', global_scale=(0.32, 1.0), local_scale=(0.05, 0.32)),
            dict(type='PackInputs'),
        ]
    ),
)
optim_wrapper = dict(optimizer=dict(lr=5e-4 * batch / 256))
auto_scale_lr = dict(base_batch_size=batch)
train_cfg = dict(max_epochs=300)
