# ccMIM's fine-tuning of ViT-B/16 on Oxford Flowers-102 (Table 4). The paper says nothing of it but
# "in line with previous SSL methods": 1000 epochs are iBOT's, the rest is as on iNaturalist, with
# lr = 3e-4 x 1024 / 256.
_base_ = 'finetune-ccmim_vit-base-p16_8xb128-coslr-360e_inat2018.py'

num_classes = 102
data_preprocessor = dict(num_classes=num_classes)
model = dict(head=dict(num_classes=num_classes))

train_dataloader = dict(
    dataset=dict(**_base_.flowers102, split='trainval', pipeline=_base_.train_pipeline)
)
val_dataloader = dict(
    dataset=dict(**_base_.flowers102, split='test', pipeline=_base_.test_pipeline)
)
test_dataloader = val_dataloader

train_cfg = dict(max_epochs=1000, val_interval=50)
