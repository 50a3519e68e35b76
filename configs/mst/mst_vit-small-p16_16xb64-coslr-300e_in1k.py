# MST, DeiT-S/16, 300 epochs (MST, Table 1: 76.9 by DINO's linear probe, 75.0 k-NN).
_base_ = 'mst_vit-small-p16_16xb64-coslr-100e_in1k.py'

train_cfg = dict(max_epochs=300)
