# ViT-S/16 on iNaturalist 2019 with iBOT's published settings: as on 2018, but for lr = 2.5e-5 x 768
# / 512.
_base_ = 'finetune-ibot_vit-small-p16_8xb96-coslr-360e_inat2018.py'

num_classes = _base_.inaturalist2019.num_classes
data_preprocessor = dict(num_classes=num_classes)
model = dict(head=dict(num_classes=num_classes))

train_dataloader = dict(dataset=_base_.inaturalist2019)
val_dataloader = dict(dataset=_base_.inaturalist2019)
test_dataloader = val_dataloader

optim_wrapper = dict(optimizer=dict(lr=2.5e-5 * 8 * 96 / 512))
