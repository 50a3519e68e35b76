# Recall@k of ViT-S/16 on the test products of Stanford Online Products (AttMask, Table 8).
_base_ = 'recall_vit-small-p16_cub200.py'

test_dataloader = dict(
    dataset=dict(type='StanfordOnlineProducts', data_root='data/Stanford_Online_Products/')
)
test_cfg = dict(ks=(1, 10, 100))
