# Recall@k of ViT-S/16 on the 98 test classes of Cars-196 (AttMask, Table 8).
_base_ = 'recall_vit-small-p16_cub200.py'

test_dataloader = dict(dataset=dict(type='Cars196Retrieval', data_root='data/cars196/'))
