# AttMask's fine-tuning of ViT-S/16 on CIFAR-10 (Appendix B; Tables 1 and 6): 500 epochs, learning
# rate 7.5e-6, weight decay 0.05, batch 900; lr = 7.5e-6 x 900 / 512 (see the base). Upstream's
# CIFAR-10 trains a ResNet at 32 px.
_base_ = '../_base_/finetune_cifar.py'

num_classes = 10
data_preprocessor = dict(num_classes=num_classes)
model = dict(head=dict(num_classes=num_classes))

cifar = dict(_delete_=True, type='CIFAR10', data_root='data/cifar10', download=False)
train_dataloader = dict(dataset=dict(**cifar, split='train', pipeline=_base_.train_pipeline))
val_dataloader = dict(dataset=dict(**cifar, split='test', pipeline=_base_.test_pipeline))
test_dataloader = val_dataloader
