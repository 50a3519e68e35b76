# MAE, ViT-B/16, 1600 epochs (ccMIM's Tables 1 to 4).
_base_ = 'mae_vit-base-p16_8xb512-coslr-200e_in1k.py'

train_cfg = dict(max_epochs=1600)
