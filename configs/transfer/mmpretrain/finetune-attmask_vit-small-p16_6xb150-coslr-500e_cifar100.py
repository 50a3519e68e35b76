# AttMask's fine-tuning of ViT-S/16 on CIFAR-100 (Appendix B; Tables 1 and 6), as on CIFAR-10.
# Upstream's CIFAR-100 trains a ResNet at 32 px.
_base_ = 'finetune-attmask_vit-small-p16_6xb150-coslr-500e_cifar10.py'

num_classes = 100
data_preprocessor = dict(num_classes=num_classes)
model = dict(head=dict(num_classes=num_classes))

cifar = dict(type='CIFAR100', data_root='data/cifar100')
train_dataloader = dict(dataset=cifar)
val_dataloader = dict(dataset=cifar)
test_dataloader = val_dataloader
