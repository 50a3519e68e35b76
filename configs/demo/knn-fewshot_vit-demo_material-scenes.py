# k-NN with a few labelled images of each class of the embedded data: five draws. 12 classes with
# one image each are a bank of 12, so k is 10.
_base_ = 'knn_vit-demo_material-scenes.py'

test_cfg = dict(type='FewShotKNNLoop', k=10, shots=(1, 5, 10, 20), draws=5, seed=0)
