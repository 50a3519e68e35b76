# MAE, ViT-B/16, 800 epochs (GPA, Table 8, compares at 800 epochs).
_base_ = 'mae_vit-base-p16_8xb512-coslr-200e_in1k.py'

train_cfg = dict(max_epochs=800)
