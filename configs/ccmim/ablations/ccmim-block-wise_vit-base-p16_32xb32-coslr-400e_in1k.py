# ccMIM with block-wise dividing, 400 epochs (ccMIM, Table 5).
_base_ = 'ccmim-block-wise_vit-base-p16_32xb32-coslr-100e_in1k.py'

train_cfg = dict(max_epochs=400)
