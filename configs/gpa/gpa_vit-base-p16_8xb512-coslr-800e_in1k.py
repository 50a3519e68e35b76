# GPA as a teacher and as a feature on MAE, ViT-B/16, 800 epochs (GPA, Table 8: 48.9 mIoU
# on ADE20K).
_base_ = 'gpa_vit-base-p16_8xb512-coslr-200e_in1k.py'

train_cfg = dict(max_epochs=800)
