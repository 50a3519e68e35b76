# Health of the features of the demo's network on the embedded data: the queries of k-NN.
_base_ = './knn_vit-demo_material-scenes.py'

test_cfg = dict(_delete_=True, type='FeatureHealthLoop', feature='cls')
