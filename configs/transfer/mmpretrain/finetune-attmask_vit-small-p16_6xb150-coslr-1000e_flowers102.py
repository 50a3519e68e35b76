# AttMask's fine-tuning of ViT-S/16 on Oxford Flowers-102 (Appendix B; Table 6): 1000 epochs on the
# training and validation images, tested on the test images; learning rate 7.5e-6, weight decay
# 0.05, batch 900; lr = 7.5e-6 x 900 / 512 (see the base).
# An epoch is 3 iterations here, the last one smaller; AttMask's code drops images so that it is 1.
_base_ = ['../_base_/finetune_deit.py', '../_base_/classification_data.py']

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
