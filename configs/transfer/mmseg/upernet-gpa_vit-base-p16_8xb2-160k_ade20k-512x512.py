# GPA, Table 8: UperNet on ADE20K, ViT-B/16, 160k iterations, 512 x 512 (after 800 epochs MAE 48.1
# mIoU, GPA 48.9). The paper names mmsegmentation and no hyper-parameters: those of upstream's
# UperNet for MAE's ViT-B here (AdamW 1e-4, weight decay 0.05, layer decay 0.65, drop path 0.1,
# heads of 768 channels, batch 16 as 8 x 2).
_base_ = './upernet-ccmim_vit-base-p16_8xb2-160k_ade20k-512x512.py'

optim_wrapper = dict(optimizer=dict(lr=1e-4))
