# SETR's training on Cityscapes for 40k iterations: SGD 0.01, no weight decay, tenfold rate in
# heads, crops of 768 x 768, batch 8 as 8 GPUs x 1; a ViT-S/16 without drop path.
_base_ = [
    'mmseg::_base_/datasets/cityscapes_768x768.py',
    'mmseg::_base_/schedules/schedule_40k.py',
    'mmseg::_base_/default_runtime.py',
    './vit_small.py',
]

vit = dict(
    type='mmpretrain.PlainVisionTransformer',
    pos_embed_resize='size',  # as SETR's loader does
    img_size=768,  # position embeddings are resized to the crops once, when they are loaded
    drop_path_rate=0.0,
)
train_dataloader = dict(batch_size=1)
optim_wrapper = dict(
    optimizer=dict(weight_decay=0.0),
    paramwise_cfg=dict(custom_keys={'head': dict(lr_mult=10.0)}),
)
auto_scale_lr = dict(base_batch_size=8)
