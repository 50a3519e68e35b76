# GPA as a teacher and as a feature on MAE, ViT-B/16, 300 epochs (GPA, Table 6: 83.4 % after
# fine-tuning).
_base_ = 'gpa_vit-base-p16_8xb512-coslr-200e_in1k.py'

train_cfg = dict(max_epochs=300)
