# ccMIM's fine-tuning of ViT-B/16 on iNaturalist 2018 (Section 4.2; Table 4): 360 epochs, learning
# rate 3e-4. The rest isn't said: as the paper's fine-tuning on ImageNet, which is MAE's with batch
# 1024 and layer decay 0.75. There the paper's rate is MAE's "base" one, so here lr = 3e-4 x 1024 /
# 256.
# Upstream has no iNaturalist; its fine-tuning on ImageNet is 100 epochs at base rate 5e-4.
_base_ = [
    '../_base_/finetune_mae.py',
    '../_base_/classification_data.py',
]

num_classes = _base_.inaturalist2018.num_classes
data_preprocessor = dict(num_classes=num_classes)
model = dict(head=dict(num_classes=num_classes))

train_dataloader = dict(
    dataset=dict(**_base_.inaturalist2018, split='train', pipeline=_base_.train_pipeline)
)
val_dataloader = dict(
    dataset=dict(**_base_.inaturalist2018, split='val', pipeline=_base_.test_pipeline)
)
test_dataloader = val_dataloader

optim_wrapper = dict(
    optimizer=dict(lr=3e-4 * 1024 / 256),
    paramwise_cfg=dict(layer_decay_rate=0.75),
)
train_cfg = dict(max_epochs=360)
