# Health of the features of ViT-S/16 on ImageNet-1k's validation images: the queries of k-NN.
_base_ = './knn_vit-small-p16_in1k.py'

test_cfg = dict(_delete_=True, type='FeatureHealthLoop', feature='cls', max_images=25600)
