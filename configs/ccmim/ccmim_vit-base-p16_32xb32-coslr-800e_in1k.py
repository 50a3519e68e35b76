# ccMIM, ViT-B/16, 800 epochs (ccMIM, Tables 1 to 4).
_base_ = 'ccmim_vit-base-p16_32xb32-coslr-300e_in1k.py'

train_cfg = dict(max_epochs=800)
