# Recall@k of ViT-S/16 on the 100 test classes of CUB-200-2011 (AttMask, Table 8). The paper names
# no size: images are seen as in k-NN, short side 256, centre 224.
_base_ = 'knn_vit-small-p16_in1k.py'

test_dataloader = dict(
    dataset=dict(type='CUB200Retrieval', data_root='data/CUB_200_2011/', data_prefix='')
)
test_cfg = dict(_delete_=True, type='RecallLoop', ks=(1, 2, 4), token='cls')
