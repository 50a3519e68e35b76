# ccMIM's fine-tuning of ViT-B/16 on iNaturalist 2019 (Table 4), as on 2018: 360 epochs, lr = 3e-4 x
# 1024 / 256.
_base_ = 'finetune-ccmim_vit-base-p16_8xb128-coslr-360e_inat2018.py'

num_classes = _base_.inaturalist2019.num_classes
data_preprocessor = dict(num_classes=num_classes)
model = dict(head=dict(num_classes=num_classes))

train_dataloader = dict(dataset=_base_.inaturalist2019)
val_dataloader = dict(dataset=_base_.inaturalist2019)
test_dataloader = val_dataloader
