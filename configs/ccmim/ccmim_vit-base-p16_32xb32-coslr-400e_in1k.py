# ccMIM, ViT-B/16, 400 epochs (ccMIM, Table 5; Fig. 2, InfoNCE at lambda = 0.2; its text has a
# learning rate of 1e-5, which no other place of the paper has, and which isn't taken over).
_base_ = 'ccmim_vit-base-p16_32xb32-coslr-300e_in1k.py'

train_cfg = dict(max_epochs=400)
