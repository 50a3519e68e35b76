# MAE, ViT-B/16, 300 epochs (ccMIM's Tables 1 to 3).
_base_ = 'mae_vit-base-p16_8xb512-coslr-200e_in1k.py'

train_cfg = dict(max_epochs=300)
