# AttMask, Table 6: UperNet on ADE20K, ViT-S/16 (iBOT 44.9 mIoU, AttMask 45.3), by its appendix:
# 160k iterations, 512 x 512, AdamW 7e-4, layer decay 0.65, weight decay 0.05, poly, batch 16 as 8
# GPUs x 2. Warm-up, slide inference and a head as wide as the backbone are iBOT's, to whose
# hyper-parameters the paper refers. "No multi-scale training and testing" is read as one scale in
# tests: iBOT's files and upstream's resize by 0.5 to 2 before they crop. To the letter:
#     --cfg-options train_dataloader.dataset.pipeline.2.ratio_range="(1.0,1.0)"
_base_ = ['../_base_/upernet_vit.py', '../_base_/ade20k_adamw_160k.py']

model = dict(
    data_preprocessor=dict(size=_base_.crop_size),
    decode_head=dict(channels=_base_.embed_dims, num_classes=150),
    auxiliary_head=dict(num_classes=150),
    test_cfg=dict(mode='slide', crop_size=_base_.crop_size, stride=(341, 341)),
)

train_dataloader = dict(batch_size=2)
