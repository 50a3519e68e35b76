# ViT-S/16 on iNaturalist 2018 with iBOT's published settings; AttMask, whose network this is, has
# no such row: 360 epochs, batch 768 as 8 GPUs x 96, erasing 0.1, lr = 5e-5 x 768 / 512, else DeiT's
# recipe as AttMask's other transfers.
_base_ = ['../_base_/finetune_deit.py', '../_base_/classification_data.py']

num_classes = _base_.inaturalist2018.num_classes
data_preprocessor = dict(num_classes=num_classes)
model = dict(head=dict(num_classes=num_classes))

train_pipeline = _base_.train_pipeline
train_pipeline[4].update(erase_prob=0.1)

train_dataloader = dict(
    batch_size=96,
    dataset=dict(**_base_.inaturalist2018, split='train', pipeline=train_pipeline),
)
val_dataloader = dict(
    dataset=dict(**_base_.inaturalist2018, split='val', pipeline=_base_.test_pipeline)
)
test_dataloader = val_dataloader
auto_scale_lr = dict(base_batch_size=8 * 96)

optim_wrapper = dict(optimizer=dict(lr=5e-5 * 8 * 96 / 512))
train_cfg = dict(max_epochs=360)
